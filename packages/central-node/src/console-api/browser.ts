import type { FastifyReply, FastifyRequest } from "fastify";
import { peerOf } from "../http/peer.ts";
import { cleanText } from "../text/clean-text.ts";

/** `__Host-`: only from this very host, only over TLS, for every path; nothing beside it can set or shadow it. */
export const sessionCookie = "__Host-cordon-session";
const familiarityCookie = "__Host-cordon-familiar";
const familiarForSec = 180 * 86_400;

/** The cookies that signing in reads and sets, and what is shown of a browser in the list of sessions. */
export type Browser = {
  address: string;
  userAgent: string;
  /** The session's cookie; null: there is none. */
  secret: string | null;
  /** Shows that somebody has signed in from here before; null: not so, or not known. */
  familiarity: string | null;
  /** Sends the cookies of a new session. */
  keep(session: { secret: string; familiarity: string }): void;
  /** Takes the session's cookie away. */
  forget(): void;
};

const strict = { path: "/", secure: true, httpOnly: true, sameSite: "strict" } as const;

export function browserOf(request: FastifyRequest, reply: FastifyReply): Browser {
  return {
    address: peerOf(request.raw).address,
    userAgent: cleanText(request.headers["user-agent"] ?? "", 512),
    secret: request.cookies[sessionCookie] ?? null,
    familiarity: request.cookies[familiarityCookie] ?? null,
    keep({ secret, familiarity }) {
      reply.setCookie(sessionCookie, secret, strict);
      reply.setCookie(familiarityCookie, familiarity, { ...strict, maxAge: familiarForSec });
    },
    forget() {
      reply.clearCookie(sessionCookie, strict);
    },
  };
}
