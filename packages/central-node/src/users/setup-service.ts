import { randomUUID } from "node:crypto";
import { Problem } from "@cordon/contract";
import type { AuditLog } from "../audit/audit-log.ts";
import type { Changes } from "../changes/changes.ts";
import type { Database, Tx } from "../database/database.ts";
import { hashPassword } from "./password.ts";
import { digestOf, makeSecret } from "./secret.ts";
import type { Client, OpenedSession, SessionService } from "./session-service.ts";
import { newUserRow, throwIfNoName, throwIfWeak } from "./user-rules.ts";
import { insertUser } from "./user-service.ts";
import { userStore } from "./user-store.ts";

export type SetupService = ReturnType<typeof createSetupService>;

const validForMs = 24 * 3_600_000;

/** The first administrator is whoever can read the log of a Central Node that has none. */
export function createSetupService(needs: {
  database: Database;
  audit: AuditLog;
  changes: Pick<Changes, "tell">;
  sessions: Pick<SessionService, "open">;
  now: () => Date;
}) {
  const { database, audit, changes, sessions, now } = needs;

  return {
    /** A token for the setup link, for 24 hours; null: there is an administrator. */
    async offer(): Promise<string | null> {
      const token = makeSecret();
      const at = now();
      return database.writeInTurn(async (tx) => {
        if ((await userStore.countEnabledAdministrators(tx)) > 0) return null;
        await tx.deleteFrom("setup_tokens").where("expires_at", "<=", at.toISOString()).execute();
        const expiresAt = new Date(at.getTime() + validForMs).toISOString();
        await tx
          .insertInto("setup_tokens")
          .values({ secret_digest: digestOf(token), expires_at: expiresAt })
          .execute();
        return token;
      });
    },

    /**
     * Makes the first administrator and signs in. Throws CONFLICT once there is one, UNAUTHORIZED for a token that is
     * unknown, expired or used, BAD_REQUEST for a name or password that breaks a rule.
     */
    async setUp(
      { token, name, password }: { token: string; name: string; password: string },
      client: Client,
    ): Promise<OpenedSession> {
      // Looked at first, so that a stranger cannot make this node hash passwords.
      await throwIfUnusable(database.read, token);
      const normalName = name.normalize("NFC");
      throwIfNoName(normalName);
      throwIfWeak(password, normalName);
      const at = now().toISOString();
      const row = newUserRow({
        user_id: randomUUID(),
        name: normalName,
        role: "administrator",
        password_hash: await hashPassword(password),
        created_at: at,
        last_sign_in_at: at,
      });
      const opened = await database.writeInTurn(async (tx) => {
        await throwIfUnusable(tx, token);
        await insertUser(tx, row);
        await tx.deleteFrom("setup_tokens").execute();
        const actor = { kind: "user", id: row.name, address: client.address, fingerprint: null } as const;
        const detail = { role: row.role, by: "setup link" };
        await audit.append(tx, { actor, action: "user.add", object: row.name, result: "done", detail });
        await audit.append(tx, { actor, action: "session.open", object: row.name, result: "done" });
        return sessions.open(tx, row, client);
      });
      changes.tell("users", row.user_id);
      return opened;
    },
  };

  async function throwIfUnusable(db: Tx | Database["read"], token: string): Promise<void> {
    if ((await userStore.countEnabledAdministrators(db)) > 0) {
      throw new Problem("CONFLICT", {
        message: "there is an administrator already: sign in, or ask one for an account",
      });
    }
    const row = await db
      .selectFrom("setup_tokens")
      .select("expires_at")
      .where("secret_digest", "=", digestOf(token))
      .executeTakeFirst();
    if (row !== undefined && row.expires_at > now().toISOString()) return;
    throw new Problem("UNAUTHORIZED", {
      message:
        "this setup link is not valid, or has expired: restart the Central Node for a new one in its log, or run `cordon-server user add`",
    });
  }
}
