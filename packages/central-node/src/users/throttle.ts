/** How long whoever failed has to wait, growing with each failure. In memory: a restart forgives. */
type Bucket = { failures: number; notBeforeMs: number; lastMs: number; turnedAway: number };

export type Throttle = ReturnType<typeof createThrottle>;
/** What is counted together, and the longest wait for it. */
export type ThrottleKey = {
  key: string;
  maxWaitSec: number /** A success does not undo earlier failures. */;
  keeps?: boolean;
};

const freeFailures = 5;
const forgottenAfterMs = 3_600_000;
const maxBuckets = 20_000;

export function createThrottle({ now }: { now: () => Date }) {
  const buckets = new Map<string, Bucket>();

  function find(key: string, atMs: number): Bucket {
    const found = buckets.get(key);
    if (found !== undefined && atMs - found.lastMs < forgottenAfterMs) return found;
    return { failures: 0, notBeforeMs: 0, lastMs: atMs, turnedAway: 0 };
  }

  return {
    /**
     * Counts one attempt as failed under each key, before it is made: many at once are then no way around. Returns how long
     * to wait instead, or how to say that it went well.
     */
    attempt(
      keys: ThrottleKey[],
    ): { retryAfterSec: number } | { retryAfterSec: null; turnedAway: number; succeed(): void } {
      const atMs = now().getTime();
      const found = keys.map((of) => ({ of, before: find(of.key, atMs) }));
      const waitMs = Math.max(0, ...found.map(({ before }) => before.notBeforeMs - atMs));
      if (waitMs > 0) {
        for (const { of, before } of found) put(of.key, { ...before, turnedAway: before.turnedAway + 1 });
        return { retryAfterSec: Math.ceil(waitMs / 1000) };
      }
      for (const { of, before } of found) {
        const failures = before.failures + 1;
        const waitSec =
          failures < freeFailures ? 0 : Math.min(of.maxWaitSec, 2 ** Math.min(30, failures - freeFailures));
        put(of.key, { failures, notBeforeMs: atMs + waitSec * 1000, lastMs: atMs, turnedAway: 0 });
      }
      return {
        retryAfterSec: null,
        turnedAway: Math.max(...found.map(({ before }) => before.turnedAway)),
        succeed() {
          for (const { of, before } of found) {
            if (of.keeps === true) put(of.key, before);
            else buckets.delete(of.key);
          }
        },
      };
    },
  };

  function put(key: string, bucket: Bucket): void {
    buckets.delete(key);
    buckets.set(key, bucket);
    if (buckets.size <= maxBuckets) return;
    // The one that was touched longest ago.
    const oldest = buckets.keys().next();
    if (!oldest.done) buckets.delete(oldest.value);
  }
}
