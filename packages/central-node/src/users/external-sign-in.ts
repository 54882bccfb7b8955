import { randomUUID } from "node:crypto";
import { Problem } from "@cordon/contract";
import type { AuditLog } from "../audit/audit-log.ts";
import type { Changes } from "../changes/changes.ts";
import type { Database, Tx } from "../database/database.ts";
import type { UserRow } from "../database/tables.ts";
import { noPassword } from "./password.ts";
import type { Client, OpenedSession, SessionService } from "./session-service.ts";
import { sessionStore } from "./session-store.ts";
import { isUserName, keyOf, newUserRow } from "./user-rules.ts";
import type { UserRole } from "./user-service.ts";
import { userStore } from "./user-store.ts";

export type ExternalSignIn = ReturnType<typeof createExternalSignIn>;

/** Who an identity provider says that somebody is. */
export type Identity = {
  /** Issuer and subject: what stays when a name changes. */
  subject: string;
  /** By preference; the first that is a name of ours and free becomes the user's, once. */
  names: string[];
  role: UserRole;
};

export function createExternalSignIn(needs: {
  database: Database;
  audit: AuditLog;
  changes: Pick<Changes, "tell">;
  sessions: Pick<SessionService, "open">;
  now: () => Date;
}) {
  const { database, audit, changes, sessions, now } = needs;

  /** Never an account that is there: whoever can choose a name at the provider must not get somebody else's. */
  async function makeUser(tx: Tx, { subject, names, role }: Identity): Promise<UserRow> {
    for (const name of names.map((each) => each.normalize("NFC"))) {
      if (!isUserName(name) || (await userStore.find(tx, keyOf(name))) !== undefined) continue;
      const row = newUserRow({
        user_id: randomUUID(),
        name,
        role,
        password_hash: noPassword,
        created_at: now().toISOString(),
        external_subject: subject,
      });
      await userStore.insert(tx, row);
      return row;
    }
    throw new Problem("CONFLICT", {
      message: "the identity provider gives you a name that a user has here already, or none: ask an administrator",
    });
  }

  return {
    /** Makes the user at the first time; the role is the provider's each time. Throws UNAUTHORIZED for a disabled one. */
    async signIn(identity: Identity, client: Client): Promise<OpenedSession> {
      const { role, subject } = identity;
      const { opened, user, hasNewRole } = await database.writeInTurn(async (tx) => {
        const known = await userStore.findByExternalSubject(tx, subject);
        if (known !== undefined && known.disabled_at !== null) {
          throw new Problem("UNAUTHORIZED", { message: "your account is disabled here: ask an administrator" });
        }
        const row = known ?? (await makeUser(tx, identity));
        const actor = { kind: "user", id: row.name, address: client.address, fingerprint: null } as const;
        const hasNewRole = known !== undefined && known.role !== role;
        if (known === undefined || hasNewRole) {
          const action = known === undefined ? "user.add" : "user.change";
          const detail = { role, by: "identity provider", ...(hasNewRole ? { before: known.role } : {}) };
          await audit.append(tx, { actor, action, object: row.name, result: "done", detail });
        }
        // What an earlier session may must not outlive the role.
        if (hasNewRole) await sessionStore.deleteOfUser(tx, row.user_id);
        const set = { role, last_sign_in_at: now().toISOString(), version: row.version + (hasNewRole ? 1 : 0) };
        await userStore.update(tx, row.user_id, set);
        await audit.append(tx, { actor, action: "session.open", object: row.name, result: "done" });
        const user = { ...row, ...set };
        return { opened: await sessions.open(tx, user, client), user, hasNewRole };
      });
      changes.tell("users", user.user_id);
      if (hasNewRole) changes.tell("session-ended", user.user_id);
      return opened;
    },
  };
}
