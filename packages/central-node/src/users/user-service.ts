import { randomUUID } from "node:crypto";
import { Problem } from "@cordon/contract";
import type { Actor } from "../audit/actor.ts";
import type { AuditLog } from "../audit/audit-log.ts";
import type { Database, Tx } from "../database/database.ts";
import type { UserRow } from "../database/tables.ts";
import { hashPassword } from "./password.ts";
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
  /** Null: may sign in. */
  disabledAt: string | null;
};
export type UserService = ReturnType<typeof createUserService>;

const nameForm = /^[\p{L}\p{N}][\p{L}\p{N}._@-]{0,63}$/u;
const minPasswordLength = 12;
const maxPasswordLength = 256;

export function createUserService({ database, audit, now }: { database: Database; audit: AuditLog; now: () => Date }) {
  function change(
    name: string,
    { action, actor, apply }: { action: string; actor: Actor; apply(tx: Tx, row: UserRow): Promise<UserRow> },
  ): Promise<User> {
    return database.writeInTurn(async (tx) => {
      const row = await userStore.find(tx, keyOf(name));
      if (row === undefined) throw new Problem("NOT_FOUND", { message: `there is no user ${name}` });
      const changed = await apply(tx, row);
      await audit.append(tx, { actor, action, object: row.name, result: "done" });
      return present(changed);
    });
  }

  return {
    /** Throws BAD_REQUEST for a name or password that breaks a rule, CONFLICT for a name that is taken (case does not count). */
    async add(
      { name, role, password }: { name: string; role: UserRole; password: string },
      actor: Actor,
    ): Promise<User> {
      const normalName = name.normalize("NFC");
      if (!nameForm.test(normalName)) {
        throw new Problem("BAD_REQUEST", {
          message:
            "a user's name has 1 to 64 letters, digits, dots, underscores, @ or hyphens, and begins with a letter or digit",
        });
      }
      throwIfWeak(password, normalName);
      const row: UserRow = {
        user_id: randomUUID(),
        name: normalName,
        name_key: keyOf(normalName),
        role,
        password_hash: await hashPassword(password),
        created_at: now().toISOString(),
        disabled_at: null,
        version: 1,
        last_sign_in_at: null,
        must_change_password: 0,
        totp_secret: null,
        totp_offered: null,
        totp_last_step: 0,
        external_subject: null,
      };
      return database.writeInTurn(async (tx) => {
        if ((await userStore.find(tx, row.name_key)) !== undefined) {
          throw new Problem("CONFLICT", { message: `there is a user ${normalName} already` });
        }
        await userStore.insert(tx, row);
        await audit.append(tx, { actor, action: "user.add", object: row.name, result: "done", detail: { role } });
        return present(row);
      });
    },

    async list(): Promise<User[]> {
      return (await userStore.list(database.read)).map(present);
    },

    /** Throws CONFLICT for the last administrator who is not disabled: nobody could let anyone in again. */
    disable: (name: string, actor: Actor) =>
      change(name, {
        action: "user.disable",
        actor,
        async apply(tx, row) {
          if (row.disabled_at !== null) return row;
          if (row.role === "administrator" && (await userStore.countEnabledAdministrators(tx)) === 1) {
            throw new Problem("CONFLICT", {
              message: `${row.name} is the last administrator: add or enable another one first`,
            });
          }
          const disabledAt = now().toISOString();
          await userStore.update(tx, row.user_id, { disabled_at: disabledAt });
          return { ...row, disabled_at: disabledAt };
        },
      }),

    enable: (name: string, actor: Actor) =>
      change(name, {
        action: "user.enable",
        actor,
        async apply(tx, row) {
          await userStore.update(tx, row.user_id, { disabled_at: null });
          return { ...row, disabled_at: null };
        },
      }),

    async setPassword(name: string, password: string, actor: Actor): Promise<User> {
      throwIfWeak(password, name);
      const passwordHash = await hashPassword(password);
      return change(name, {
        action: "user.set-password",
        actor,
        async apply(tx, row) {
          await userStore.update(tx, row.user_id, { password_hash: passwordHash });
          return row;
        },
      });
    },
  };
}

function keyOf(name: string): string {
  return name.normalize("NFC").toLowerCase();
}

function throwIfWeak(password: string, name: string): void {
  const length = [...password].length;
  if (length < minPasswordLength || length > maxPasswordLength) {
    throw new Problem("BAD_REQUEST", {
      message: `a password has ${minPasswordLength} to ${maxPasswordLength} characters, not ${length}`,
    });
  }
  if (password.toLowerCase().includes(keyOf(name)) && keyOf(name).length >= 4) {
    throw new Problem("BAD_REQUEST", { message: "a password must not contain the user's name" });
  }
}

function present(row: UserRow): User {
  return {
    userId: row.user_id,
    name: row.name,
    role: row.role,
    createdAt: row.created_at,
    disabledAt: row.disabled_at,
  };
}
