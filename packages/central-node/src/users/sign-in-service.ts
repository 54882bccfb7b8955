import { Problem } from "@cordon/contract";
import type { Actor } from "../audit/actor.ts";
import type { AuditLog } from "../audit/audit-log.ts";
import type { Changes } from "../changes/changes.ts";
import type { Database } from "../database/database.ts";
import type { UserRow } from "../database/tables.ts";
import { verifyPassword } from "./password.ts";
import { findTotpStep } from "./second-factor.ts";
import { readFamiliarity } from "./secret.ts";
import type { Client, OpenedSession, SessionService } from "./session-service.ts";
import { createThrottle, type ThrottleKey } from "./throttle.ts";
import { keyOf } from "./user-rules.ts";
import { userStore } from "./user-store.ts";

export type SignInService = ReturnType<typeof createSignInService>;

const addressWaitSec = 900;
/** Short: a stranger can make it count, and somebody who has the password may be at a browser that is not known yet. */
const nameWaitSec = 60;
const familiarWaitSec = 900;
/** Long: only who has the password gets here, and a code has but a million values. */
const codeWaitSec = 900;

export function createSignInService(needs: {
  database: Database;
  audit: AuditLog;
  changes: Pick<Changes, "tell">;
  sessions: Pick<SessionService, "open">;
  now: () => Date;
}) {
  const { database, audit, changes, sessions, now } = needs;
  const throttle = createThrottle({ now });
  let strangers = 0;

  function attempt(keys: ThrottleKey[]) {
    const outcome = throttle.attempt(keys);
    if (outcome.retryAfterSec === null) return outcome;
    throw new Problem("TOO_MANY_REQUESTS", {
      message: `too many attempts failed: try again in ${outcome.retryAfterSec} s`,
      retryAfterSec: outcome.retryAfterSec,
    });
  }

  async function refuse(
    row: UserRow | undefined,
    { client, reason, turnedAway }: { client: Client; reason: string; turnedAway: number },
  ): Promise<never> {
    // Names that nobody has may be passwords typed in the wrong field, and there is no end to them.
    if (row === undefined) strangers += 1;
    else {
      await audit.record({
        actor: actorOf(row, client),
        action: "session.open",
        object: row.name,
        result: "UNAUTHORIZED",
        detail: { reason, ...(turnedAway === 0 ? {} : { turnedAwayBefore: turnedAway }) },
      });
      changes.tell("audit");
    }
    throw new Problem("UNAUTHORIZED", {
      message:
        reason === "code"
          ? "the code is wrong, or was used already: wait for the next one"
          : "the name or the password is wrong, or the account is disabled",
    });
  }

  /** The code's step, or 0 where none is needed. */
  async function checkCode(row: UserRow, code: string | undefined, client: Client) {
    if (row.totp_secret === null) return { step: row.totp_last_step, succeed: () => {} };
    if (code === undefined) {
      throw new Problem("SECOND_FACTOR_NEEDED", { message: "enter the code that your authenticator shows" });
    }
    const { succeed, turnedAway } = attempt([{ key: `code ${row.user_id}`, maxWaitSec: codeWaitSec }]);
    const step = findTotpStep({ secret: row.totp_secret, name: row.name, lastStep: row.totp_last_step }, code, now());
    return step === null ? refuse(row, { client, reason: "code", turnedAway }) : { step, succeed };
  }

  return {
    /**
     * Throws UNAUTHORIZED, with one answer for unknown, disabled and wrong; SECOND_FACTOR_NEEDED for a password that is right
     * where a code is missing; TOO_MANY_REQUESTS with `retryAfterSec`.
     */
    async signIn(
      { name, password, code }: { name: string; password: string; code?: string | undefined },
      client: Client,
    ): Promise<OpenedSession> {
      const nameKey = keyOf(name);
      const row = nameKey.includes("\0") ? undefined : await userStore.find(database.read, nameKey);
      const nonce = readFamiliarity(row, client.familiarity);
      const { succeed, turnedAway } = attempt(
        nonce === null
          ? [
              { key: `address ${networkOf(client.address)}`, maxWaitSec: addressWaitSec, keeps: true },
              { key: `name ${nameKey}`, maxWaitSec: nameWaitSec },
            ]
          : // A stranger who tries this name on and on keeps nobody out who has signed in from here before.
            [{ key: `familiar ${nonce}`, maxWaitSec: familiarWaitSec }],
      );
      const isUsable = row !== undefined && row.disabled_at === null && row.external_subject === null;
      const isRight = await verifyPassword(password, isUsable ? row.password_hash : null);
      if (!isUsable || !isRight) return refuse(row, { client, reason: "password", turnedAway });
      succeed();
      const checked = await checkCode(row, code, client);
      const opened = await database.writeInTurn(async (tx) => {
        const current = await userStore.findById(tx, row.user_id);
        // Changed, disabled or signed in with this very code meanwhile.
        const isSame = current?.password_hash === row.password_hash && current.disabled_at === null;
        const isFresh = row.totp_secret === null || checked.step > (current?.totp_last_step ?? 0);
        if (!isSame || !isFresh || current === undefined) return null;
        const set = { last_sign_in_at: now().toISOString(), totp_last_step: checked.step };
        await userStore.update(tx, row.user_id, set);
        const actor = actorOf(row, client);
        await audit.append(tx, { actor, action: "session.open", object: row.name, result: "done" });
        return sessions.open(tx, { ...current, ...set }, client);
      });
      if (opened === null) return refuse(row, { client, reason: "code", turnedAway: 0 });
      checked.succeed();
      changes.tell("users", row.user_id);
      return opened;
    },

    /** Counts an attempt of somebody who is signed in at a password or code of their own. */
    attemptOwn: (userId: string) => attempt([{ key: `own ${userId}`, maxWaitSec: codeWaitSec }]),

    /** Sums up, in one audit entry, who tried names that nobody has. */
    async flush(): Promise<void> {
      if (strangers === 0) return;
      const count = strangers;
      strangers = 0;
      await audit.record({
        actor: { kind: "central-node", id: "central-node", address: null, fingerprint: null },
        action: "session.strangers-refused",
        object: "strangers",
        result: "UNAUTHORIZED",
        detail: { count },
      });
    },
  };
}

const actorOf = (row: UserRow, client: Client): Actor => ({
  kind: "user",
  id: row.name,
  address: client.address,
  fingerprint: null,
});

/** Whoever has one IPv6 address has all of its /64. */
function networkOf(address: string): string {
  return address.includes(":") ? address.split(":").slice(0, 4).join(":") : address;
}
