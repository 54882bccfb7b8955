import { Problem } from "@cordon/contract";
import type { Tx } from "../database/database.ts";
import type { UserRow } from "../database/tables.ts";
import { userStore } from "./user-store.ts";

const nameForm = /^[\p{L}\p{N}][\p{L}\p{N}._@-]{0,63}$/u;
const minPasswordLength = 12;
const maxPasswordLength = 256;

/** Names are compared without case. */
export function keyOf(name: string): string {
  return name.normalize("NFC").toLowerCase();
}

export const isUserName = (name: string): boolean => nameForm.test(name);

export function throwIfNoName(name: string): void {
  if (isUserName(name)) return;
  throw new Problem("BAD_REQUEST", {
    message:
      "a user's name has 1 to 64 letters, digits, dots, underscores, @ or hyphens, and begins with a letter or digit",
  });
}

export function throwIfWeak(password: string, name: string): void {
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

/** In turn, before an administrator is disabled or gets another role: nobody could let anyone in again. */
export async function throwIfLastAdministrator(tx: Tx, row: UserRow): Promise<void> {
  if (row.role !== "administrator" || row.disabled_at !== null) return;
  if ((await userStore.countEnabledAdministrators(tx)) > 1) return;
  throw new Problem("CONFLICT", { message: `${row.name} is the last administrator: add or enable another one first` });
}

/** What is kept and shown at the identity provider is changed there. */
export function throwIfExternal(row: UserRow, what: string): void {
  if (row.external_subject === null) return;
  throw new Problem("CONFLICT", { message: `${row.name} signs in at the identity provider: ${what} there` });
}

/** A user as it is made, but for what is given. */
export function newUserRow(
  given: Pick<UserRow, "user_id" | "name" | "role" | "password_hash" | "created_at"> & Partial<UserRow>,
): UserRow {
  return {
    name_key: keyOf(given.name),
    disabled_at: null,
    version: 1,
    last_sign_in_at: null,
    must_change_password: 0,
    totp_secret: null,
    totp_offered: null,
    totp_last_step: 0,
    external_subject: null,
    ...given,
  };
}
