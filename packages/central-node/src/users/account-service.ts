import { Problem } from "@cordon/contract";
import type { Actor } from "../audit/actor.ts";
import type { AuditLog } from "../audit/audit-log.ts";
import type { Changes } from "../changes/changes.ts";
import type { Database, Tx } from "../database/database.ts";
import type { UserRow } from "../database/tables.ts";
import { hashPassword, verifyPassword } from "./password.ts";
import { findTotpStep, makeTotpSecret, totpUri } from "./second-factor.ts";
import { sessionStore } from "./session-store.ts";
import type { SignInService } from "./sign-in-service.ts";
import { throwIfExternal, throwIfWeak } from "./user-rules.ts";
import { userStore } from "./user-store.ts";

export type AccountService = ReturnType<typeof createAccountService>;

/** Whose account it is, from which session. */
type Own = { userId: string; sessionId: string; actor: Actor };

/** What one may change of one's own account. */
export function createAccountService(needs: {
  database: Database;
  audit: AuditLog;
  changes: Pick<Changes, "tell">;
  signIn: Pick<SignInService, "attemptOwn">;
  now: () => Date;
}) {
  const { database, audit, changes, signIn, now } = needs;

  async function find(userId: string): Promise<UserRow> {
    const row = await userStore.findById(database.read, userId);
    if (row === undefined) throw new Problem("NOT_FOUND", { message: "the account is gone" });
    return row;
  }

  async function checkPassword(row: UserRow, password: string): Promise<void> {
    const { succeed } = signIn.attemptOwn(row.user_id);
    if (!(await verifyPassword(password, row.password_hash))) {
      throw new Problem("BAD_REQUEST", { message: "that is not your present password" });
    }
    succeed();
  }

  async function change(
    { userId, actor }: Own,
    action: string,
    apply: (tx: Tx, row: UserRow) => Promise<Partial<UserRow>>,
  ): Promise<void> {
    await database.writeInTurn(async (tx) => {
      const row = await userStore.findById(tx, userId);
      if (row === undefined) throw new Problem("NOT_FOUND", { message: "the account is gone" });
      await userStore.update(tx, userId, await apply(tx, row));
      await audit.append(tx, { actor, action, object: row.name, result: "done" });
    });
    changes.tell("users", userId);
  }

  return {
    /** Ends all other sessions. Throws BAD_REQUEST unless `current` is right and `next` is good enough. */
    async changePassword(own: Own, { current, next }: { current: string; next: string }): Promise<void> {
      const row = await find(own.userId);
      throwIfExternal(row, "change the password");
      await checkPassword(row, current);
      throwIfWeak(next, row.name);
      if (next.normalize("NFKC") === current.normalize("NFKC")) {
        throw new Problem("BAD_REQUEST", { message: "the new password must not be the present one" });
      }
      const passwordHash = await hashPassword(next);
      await change(own, "account.change-password", async (tx, latest) => {
        if (latest.password_hash !== row.password_hash) {
          throw new Problem("CONFLICT", { message: "the password was changed meanwhile: sign in again" });
        }
        await sessionStore.deleteOfUser(tx, own.userId, own.sessionId);
        return { password_hash: passwordHash, must_change_password: 0 };
      });
      changes.tell("session-ended", own.userId);
    },

    /** A secret for an authenticator. It counts once it is confirmed; an earlier one counts until then. */
    async offerSecondFactor(own: Own): Promise<{ secret: string; uri: string }> {
      const row = await find(own.userId);
      throwIfExternal(row, "set up a second factor");
      const secret = makeTotpSecret();
      await change(own, "account.offer-second-factor", async () => ({ totp_offered: secret }));
      return { secret, uri: totpUri(secret, row.name) };
    },

    /** Throws CONFLICT when none was offered, BAD_REQUEST for a wrong code. */
    async confirmSecondFactor(own: Own, code: string): Promise<void> {
      const { succeed } = signIn.attemptOwn(own.userId);
      await change(own, "account.add-second-factor", async (_tx, row) => {
        if (row.totp_offered === null) {
          throw new Problem("CONFLICT", {
            message: "ask for a new secret first, and take it over into the authenticator",
          });
        }
        const step = findTotpStep({ secret: row.totp_offered, name: row.name, lastStep: 0 }, code, now());
        if (step === null) {
          throw new Problem("BAD_REQUEST", {
            message: "the code does not belong to this secret: check that the clock of the authenticator is right",
          });
        }
        return { totp_secret: row.totp_offered, totp_offered: null, totp_last_step: step };
      });
      succeed();
    },

    async removeSecondFactor(own: Own, password: string): Promise<void> {
      const row = await find(own.userId);
      throwIfExternal(row, "remove the second factor");
      await checkPassword(row, password);
      await change(own, "account.remove-second-factor", async () => ({ totp_secret: null, totp_offered: null }));
    },
  };
}
