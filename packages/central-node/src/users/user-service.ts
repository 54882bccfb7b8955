import { randomUUID } from "node:crypto";
import { Problem } from "@cordon/contract";
import type { Actor } from "../audit/actor.ts";
import type { AuditLog } from "../audit/audit-log.ts";
import type { Changes } from "../changes/changes.ts";
import type { Database, Tx } from "../database/database.ts";
import type { UserRow } from "../database/tables.ts";
import { throwIfChanged } from "../database/versions.ts";
import { apiTokenStore } from "./api-token-store.ts";
import { hashPassword } from "./password.ts";
import { makeOneTimePassword } from "./secret.ts";
import { sessionStore } from "./session-store.ts";
import { listUsers } from "./user-list.ts";
import {
  keyOf,
  newUserRow,
  throwIfExternal,
  throwIfLastAdministrator,
  throwIfNoName,
  throwIfWeak,
} from "./user-rules.ts";
import { userStore } from "./user-store.ts";

export type UserRole = UserRow["role"];
export const userRoles = [
  "administrator",
  "senior-security-officer",
  "security-officer",
  "security-auditor",
] as const satisfies UserRole[];

export type User = {
  userId: string;
  name: string;
  role: UserRole;
  createdAt: string;
  lastSignInAt: string | null;
  /** Null: may sign in. */
  disabledAt: string | null;
  hasSecondFactor: boolean;
  /** Signs in at the identity provider, and has no password here. */
  isExternal: boolean;
  version: number;
};
export type UserService = ReturnType<typeof createUserService>;

/** A user by name, as a command line says it, or by ID. */
type Choice = { name: string } | { userId: string };
type NewUser = { name: string; role: UserRole; password: string };
type UserChange = { role?: UserRole | undefined; disabled?: boolean | undefined };

export function createUserService(needs: {
  database: Database;
  audit: AuditLog;
  changes: Pick<Changes, "tell">;
  now: () => Date;
}) {
  const { database, audit, changes, now } = needs;

  async function change(
    choice: Choice,
    what: {
      action: string;
      actor: Actor;
      apply(tx: Tx, row: UserRow): Promise<{ set: Partial<UserRow>; detail?: Record<string, unknown> }>;
    },
  ): Promise<User> {
    const changed = await database.writeInTurn(async (tx) => {
      const row = await find(tx, choice);
      const { set, detail = {} } = await what.apply(tx, row);
      const next = { ...row, ...set, version: row.version + 1 };
      await userStore.update(tx, row.user_id, { ...set, version: next.version });
      // Whoever uses one must not go on with what was true before.
      await sessionStore.deleteOfUser(tx, row.user_id);
      await audit.append(tx, { actor: what.actor, action: what.action, object: row.name, result: "done", detail });
      return present(next);
    });
    changes.tell("users", changed.userId);
    changes.tell("session-ended", changed.userId);
    return changed;
  }

  async function find(tx: Tx, choice: Choice): Promise<UserRow> {
    const row =
      "userId" in choice ? await userStore.findById(tx, choice.userId) : await userStore.find(tx, keyOf(choice.name));
    if (row !== undefined) return row;
    throw new Problem("NOT_FOUND", { message: `there is no user ${"userId" in choice ? choice.userId : choice.name}` });
  }

  async function disabledAt(tx: Tx, row: UserRow, disabled: boolean): Promise<string | null> {
    if (!disabled) return null;
    if (row.disabled_at !== null) return row.disabled_at;
    await throwIfLastAdministrator(tx, row);
    return now().toISOString();
  }

  return {
    /** Throws BAD_REQUEST for a name or password that breaks a rule, CONFLICT for a name that is taken (case does not count). */
    async add({ name, role, password }: NewUser, actor: Actor): Promise<User> {
      const normalName = name.normalize("NFC");
      throwIfNoName(normalName);
      throwIfWeak(password, normalName);
      const row = newUserRow({
        user_id: randomUUID(),
        name: normalName,
        role,
        password_hash: await hashPassword(password),
        created_at: now().toISOString(),
      });
      await database.writeInTurn(async (tx) => {
        await insertUser(tx, row);
        await audit.append(tx, { actor, action: "user.add", object: row.name, result: "done", detail: { role } });
      });
      changes.tell("users", row.user_id);
      return present(row);
    },

    async list(): Promise<User[]> {
      return (await userStore.list(database.read)).map(present);
    },

    /** One page of them, as the console asks. */
    async page(request: Parameters<typeof listUsers>[1]) {
      const { rows, ...page } = await listUsers(database, request);
      return { ...page, items: rows.map(present) };
    },

    async get(userId: string): Promise<User> {
      const row = await userStore.findById(database.read, userId);
      if (row === undefined) throw new Problem("NOT_FOUND", { message: `there is no user ${userId}` });
      return present(row);
    },

    hasAdministrator: async (): Promise<boolean> => (await userStore.countEnabledAdministrators(database.read)) > 0,

    /**
     * Another role, disabled or enabled; ends the user's sessions. Throws PRECONDITION_FAILED unless it is still the version
     * `ifMatch`, CONFLICT for the last administrator who is not disabled.
     */
    change: (userId: string, { role, disabled }: UserChange, ifMatch: number, actor: Actor): Promise<User> =>
      change(
        { userId },
        {
          action: "user.change",
          actor,
          async apply(tx, row) {
            throwIfChanged(row.version, ifMatch);
            const set: Partial<UserRow> = {};
            if (role !== undefined && role !== row.role) {
              throwIfExternal(row, "give another role");
              await throwIfLastAdministrator(tx, row);
              set.role = role;
            }
            if (disabled !== undefined) set.disabled_at = await disabledAt(tx, row, disabled);
            return {
              set,
              detail: {
                ...(role === undefined ? {} : { role, before: row.role }),
                ...(disabled === undefined ? {} : { disabled }),
              },
            };
          },
        },
      ),

    /** A one-time password, which is all that opens the account then: no second factor, no session, no API token is left. */
    async reset(userId: string, actor: Actor): Promise<string> {
      const password = makeOneTimePassword();
      const passwordHash = await hashPassword(password);
      await change(
        { userId },
        {
          action: "user.reset",
          actor,
          async apply(tx, row) {
            throwIfExternal(row, "reset the account");
            await apiTokenStore.deleteOfUser(tx, userId);
            return {
              set: { password_hash: passwordHash, must_change_password: 1, totp_secret: null, totp_offered: null },
            };
          },
        },
      );
      return password;
    },

    /** Throws CONFLICT for the last administrator who is not disabled. */
    disable: (name: string, actor: Actor): Promise<User> =>
      change(
        { name },
        {
          action: "user.disable",
          actor,
          apply: async (tx, row) => ({ set: { disabled_at: await disabledAt(tx, row, true) } }),
        },
      ),

    enable: (name: string, actor: Actor): Promise<User> =>
      change({ name }, { action: "user.enable", actor, apply: async () => ({ set: { disabled_at: null } }) }),

    async setPassword(name: string, password: string, actor: Actor): Promise<User> {
      throwIfWeak(password, name);
      const passwordHash = await hashPassword(password);
      return change(
        { name },
        {
          action: "user.set-password",
          actor,
          async apply(_tx, row) {
            throwIfExternal(row, "set the password");
            return { set: { password_hash: passwordHash, must_change_password: 0 } };
          },
        },
      );
    },
  };
}

/** In turn. Throws CONFLICT for a name that is taken. */
export async function insertUser(tx: Tx, row: UserRow): Promise<void> {
  if ((await userStore.find(tx, row.name_key)) !== undefined) {
    throw new Problem("CONFLICT", { message: `there is a user ${row.name} already` });
  }
  await userStore.insert(tx, row);
}

function present(row: UserRow): User {
  return {
    userId: row.user_id,
    name: row.name,
    role: row.role,
    createdAt: row.created_at,
    lastSignInAt: row.last_sign_in_at,
    disabledAt: row.disabled_at,
    hasSecondFactor: row.totp_secret !== null,
    isExternal: row.external_subject !== null,
    version: row.version,
  };
}
