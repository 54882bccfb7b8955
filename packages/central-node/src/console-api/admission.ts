import { timingSafeEqual } from "node:crypto";
import { Problem } from "@cordon/contract";
import { type ConsoleRoute, csrfHeader, isPermitted } from "@cordon/contract/console-api";
import type { FastifyRequest } from "fastify";
import type { Actor } from "../audit/actor.ts";
import { peerOf } from "../http/peer.ts";
import { sessionCookie } from "./browser.ts";
import type { SignedIn } from "./handlers.ts";

/** Who a request comes from. */
export type Caller = {
  actor: Actor;
  session: SignedIn | null;
  /** What must come back with a change that is signed in by cookie; null: by an API token, which no browser sends by itself. */
  csrfToken: string | null;
  mustChangePassword: boolean;
};
export type Admission = ReturnType<typeof createAdmission>;
type Found = { session: SignedIn; csrfToken: string | null; mustChangePassword: boolean };

/** What a one-time password opens: getting rid of it. */
const openBeforePasswordChange = ["getSession", "signOut", "changePassword"];

export function createAdmission(needs: {
  findSession(secret: string): Promise<Found | null>;
  findApiToken(token: string): Promise<Found | null>;
}) {
  const strangerAt = (address: string): Caller => ({
    actor: { kind: "user", id: "", address, fingerprint: null },
    session: null,
    csrfToken: null,
    mustChangePassword: false,
  });

  return {
    /** A stranger where neither an API token nor a session's cookie is known. */
    async identify(request: FastifyRequest): Promise<Caller> {
      const { address } = peerOf(request.raw);
      const bearer = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? "")?.[1];
      const cookie = request.cookies[sessionCookie];
      const found =
        bearer !== undefined
          ? await needs.findApiToken(bearer)
          : cookie === undefined
            ? null
            : await needs.findSession(cookie);
      if (found === null) return strangerAt(address);
      return { ...found, actor: { kind: "user", id: found.session.name, address, fingerprint: null } };
    },

    strangerAt,

    /** Throws UNAUTHORIZED, FORBIDDEN or PASSWORD_CHANGE_NEEDED, with what to do about it. */
    throwUnlessPermitted(
      { session, csrfToken, mustChangePassword }: Caller,
      { name, method, permission }: Pick<ConsoleRoute, "method" | "permission"> & { name: string },
      headers: FastifyRequest["headers"],
    ): void {
      if (permission === "anyone") return;
      if (session === null) {
        throw new Problem("UNAUTHORIZED", {
          message: "sign in first: there is no session, or it has ended, or the API token is not valid",
        });
      }
      if (session.kind === "api-token" && permission === "own-account" && name !== "events") {
        throw new Problem("FORBIDDEN", { message: "an API token has no account of its own: sign in for this" });
      }
      if (!isPermitted(session.role, permission)) {
        throw new Problem("FORBIDDEN", {
          message: `the role ${session.role} does not have the permission ${permission}: ask an administrator`,
          permission,
        });
      }
      if (method !== "GET" && csrfToken !== null && !isSame(String(headers[csrfHeader] ?? ""), csrfToken)) {
        throw new Problem("FORBIDDEN", {
          message: `send the session's csrfToken as ${csrfHeader}: without it another site could make this browser call`,
        });
      }
      if (mustChangePassword && !openBeforePasswordChange.includes(name)) {
        throw new Problem("PASSWORD_CHANGE_NEEDED", {
          message: "you signed in with a one-time password: set a new password first",
        });
      }
    },
  };
}

function isSame(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}
