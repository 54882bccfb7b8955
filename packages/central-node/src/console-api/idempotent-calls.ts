import { Problem } from "@cordon/contract";
import type { Database } from "../database/database.ts";
import { idempotentCallStore } from "./idempotent-call-store.ts";

export type IdempotentCalls = ReturnType<typeof createIdempotentCalls>;

const keptForMs = 86_400_000;
const keyForm = /^[\x21-\x7e]{1,128}$/;

/**
 * One order under one key is given once. The key is claimed, durably, before the order is given: should the Central Node die
 * between the two, a retry learns that the outcome is unknown, and never gives the order a second time.
 */
export function createIdempotentCalls({ database, now }: { database: Database; now: () => Date }) {
  return {
    /**
     * Runs `give` unless its user has sent this key before: then the answer of the first is repeated. `what` tells calls
     * apart. Throws CONFLICT for a key that was used for another call, or whose first call has no answer (yet); BAD_REQUEST
     * for a key that is none. A refused call leaves its key free.
     */
    async once<T>({ userId, key, what }: { userId: string; key: string; what: string }, give: () => Promise<T>) {
      if (!keyForm.test(key)) {
        throw new Problem("BAD_REQUEST", {
          message: "an idempotency key has 1 to 128 visible ASCII characters; a random UUID is a good one",
        });
      }
      const at = now();
      const since = new Date(at.getTime() - keptForMs).toISOString();
      const earlier = await database.writeInTurn((tx) =>
        idempotentCallStore.claim(tx, { userId, key, what, at: at.toISOString(), since }),
      );
      if (earlier !== undefined) return repeat<T>(earlier, what);
      let answer: T;
      try {
        answer = await give();
      } catch (error) {
        // Refused: nothing was done. Anything else may have been done, so the key stays taken.
        if (error instanceof Problem && error.status < 500) {
          await database.write((tx) => idempotentCallStore.release(tx, userId, key));
        }
        throw error;
      }
      await database.write((tx) => idempotentCallStore.answer(tx, { userId, key, answer: JSON.stringify(answer) }));
      return answer;
    },

    /** Forgets keys that are older than a day. */
    async sweep(): Promise<void> {
      const before = new Date(now().getTime() - keptForMs).toISOString();
      await database.write((tx) => idempotentCallStore.deleteBefore(tx, before));
    },
  };
}

function repeat<T>(earlier: { what: string; answer: string | null }, what: string): T {
  if (earlier.what !== what) {
    throw new Problem("CONFLICT", { message: "this idempotency key was used for another call: take a new one" });
  }
  if (earlier.answer === null) {
    throw new Problem("CONFLICT", {
      message:
        "the first call under this idempotency key is still under way, or its outcome is not known: look whether the order is there before you give it again under another key",
    });
  }
  return JSON.parse(earlier.answer) as T;
}
