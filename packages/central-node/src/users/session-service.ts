import { randomUUID } from "node:crypto";
import { Problem } from "@cordon/contract";
import type { Actor } from "../audit/actor.ts";
import type { AuditLog } from "../audit/audit-log.ts";
import type { Changes } from "../changes/changes.ts";
import type { Database, Tx } from "../database/database.ts";
import type { SessionRow, UserRow } from "../database/tables.ts";
import { csrfTokenOf, digestOf, makeFamiliarity, makeSecret } from "./secret.ts";
import { sessionStore } from "./session-store.ts";

export type SessionService = ReturnType<typeof createSessionService>;

/** From where somebody signs in. */
export type Client = { address: string; userAgent: string; familiarity: string | null };

export type SessionState = {
  sessionId: string;
  userId: string;
  name: string;
  role: UserRow["role"];
  csrfToken: string;
  hasSecondFactor: boolean;
  mustChangePassword: boolean;
  /** At the latest; earlier when it is not used. */
  expiresAt: string;
};

/** A session as it is opened: the cookie's content, which is not kept, and what shows that this browser is familiar. */
export type OpenedSession = { secret: string; familiarity: string; state: SessionState };

export type SessionLimits = { sessionIdleHours: number; sessionHours: number };

const hourMs = 3_600_000;
const touchedEveryMs = 60_000;
const maxSessionsPerUser = 50;

export function createSessionService(needs: {
  database: Database;
  audit: AuditLog;
  changes: Pick<Changes, "tell">;
  limits: SessionLimits;
  now: () => Date;
}) {
  const { database, audit, changes, limits, now } = needs;
  const idleSince = () => new Date(now().getTime() - limits.sessionIdleHours * hourMs).toISOString();

  function hasEnded(row: SessionRow & { user: UserRow }): boolean {
    return row.user.disabled_at !== null || row.expires_at <= now().toISOString() || row.last_seen_at <= idleSince();
  }

  return {
    /** Takes part in the transaction that signs in. */
    async open(tx: Tx, user: UserRow, { address, userAgent }: Client): Promise<OpenedSession> {
      const secret = makeSecret();
      const at = now();
      const row: SessionRow = {
        session_id: randomUUID(),
        secret_digest: digestOf(secret),
        user_id: user.user_id,
        created_at: at.toISOString(),
        last_seen_at: at.toISOString(),
        expires_at: new Date(at.getTime() + limits.sessionHours * hourMs).toISOString(),
        address,
        user_agent: userAgent,
      };
      const earlier = await sessionStore.listOfUser(tx, user.user_id);
      for (const old of earlier.slice(maxSessionsPerUser - 1)) {
        await sessionStore.delete(tx, old.session_id, user.user_id);
      }
      await sessionStore.insert(tx, row);
      return { secret, familiarity: makeFamiliarity(user), state: present(row, user, secret) };
    },

    /** Whose cookie this is; null: nobody's, or it has ended. Shows that the session is used, unless `quietly`. */
    async find(secret: string, { quietly = false } = {}): Promise<SessionState | null> {
      const row = await sessionStore.findWithUser(database.read, digestOf(secret));
      if (row === undefined || hasEnded(row)) return null;
      const at = now();
      if (!quietly && at.getTime() - Date.parse(row.last_seen_at) >= touchedEveryMs) {
        await database.write((tx) => sessionStore.touch(tx, row.session_id, at.toISOString()));
      }
      return present(row, row.user, secret);
    },

    /** Newest first. */
    async list(userId: string): Promise<SessionRow[]> {
      const rows = await sessionStore.listOfUser(database.read, userId);
      const at = now().toISOString();
      return rows.filter((row) => row.expires_at > at && row.last_seen_at > idleSince());
    },

    /** Throws NOT_FOUND unless it is one of this user's. */
    async end({ sessionId, userId }: { sessionId: string; userId: string }, actor: Actor): Promise<void> {
      await database.writeInTurn(async (tx) => {
        if (!(await sessionStore.delete(tx, sessionId, userId))) {
          throw new Problem("NOT_FOUND", { message: "there is no such session of yours, or it has ended" });
        }
        await audit.append(tx, { actor, action: "session.end", object: sessionId, result: "done" });
      });
      changes.tell("session-ended", userId);
    },

    /** Forgets those that have ended. */
    async sweep(): Promise<void> {
      await database.write((tx) => sessionStore.deleteEnded(tx, { now: now().toISOString(), idleSince: idleSince() }));
    },
  };
}

function present(row: SessionRow, user: UserRow, secret: string): SessionState {
  return {
    sessionId: row.session_id,
    userId: user.user_id,
    name: user.name,
    role: user.role,
    csrfToken: csrfTokenOf(secret),
    hasSecondFactor: user.totp_secret !== null,
    mustChangePassword: user.must_change_password === 1,
    expiresAt: row.expires_at,
  };
}
