import { timingSafeEqual } from "node:crypto";
import { Problem } from "@cordon/contract";
import { type ConsoleRoute, csrfHeader, isPermitted } from "@cordon/contract/console-api";
import type { FastifyRequest } from "fastify";
import type { Actor } from "../audit/actor.ts";
import { peerOf } from "../http/peer.ts";
import type { ApiTokenService } from "../users/api-token-service.ts";
import type { SessionService } from "../users/session-service.ts";
import { sessionCookie } from "./browser.ts";
import type { SignedIn } from "./handlers.ts";

/** Who a request comes from, and through which door it wants. */
export type Caller = {
  actor: Actor;
  session: SignedIn | null;
  /** What must come back with a change that is signed in by cookie; null: by an API token, which no browser sends by itself. */
  csrfToken: string | null;
  mustChangePassword: boolean;
};
export type Gate = Pick<ConsoleRoute, "method" | "permission"> & { name: string };
export type Admission = ReturnType<typeof createAdmission>;

/** What a one-time password opens: getting rid of it. */
const openBeforePasswordChange = ["getSession", "signOut", "changePassword"];

export function createAdmission({
  sessions,
  apiTokens,
}: {
  sessions: Pick<SessionService, "find">;
  apiTokens: Pick<ApiTokenService, "find">;
}) {
  async function find(
    request: FastifyRequest,
    { quietly }: { quietly: boolean },
  ): Promise<Omit<Caller, "actor"> | null> {
    const bearer = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? "")?.[1];
    if (bearer !== undefined) {
      const token = await apiTokens.find(bearer);
      if (token === null) return null;
      const { tokenId: id, userId, name, role } = token;
      return { session: { kind: "api-token", id, userId, name, role }, csrfToken: null, mustChangePassword: false };
    }
    const cookie = request.cookies[sessionCookie];
    const state = cookie === undefined ? null : await sessions.find(cookie, { quietly });
    if (state === null) return null;
    const { sessionId: id, userId, name, role, csrfToken, mustChangePassword } = state;
    return { session: { kind: "session", id, userId, name, role }, csrfToken, mustChangePassword };
  }

  return {
    /** A stranger where the route asks for nobody, and where neither an API token nor a session's cookie is known. */
    async identify(request: FastifyRequest, { permission }: Pick<Gate, "permission">): Promise<Caller> {
      const found = permission === "anyone" ? null : await find(request, { quietly: false });
      const actor = { kind: "user", id: found?.session?.name ?? "", fingerprint: null } as const;
      return {
        session: null,
        csrfToken: null,
        mustChangePassword: false,
        ...found,
        actor: { ...actor, address: peerOf(request.raw).address },
      };
    },

    /** Whether the session or API token of a request is still good; that it was asked shows no use of it. */
    isStillSignedIn: async (request: FastifyRequest): Promise<boolean> =>
      (await find(request, { quietly: true })) !== null,

    /** Throws UNAUTHORIZED, FORBIDDEN or PASSWORD_CHANGE_NEEDED, with what to do about it. */
    throwUnlessPermitted(
      { session, csrfToken, mustChangePassword }: Caller,
      gate: Gate,
      headers: FastifyRequest["headers"],
    ) {
      const { name, method, permission } = gate;
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
