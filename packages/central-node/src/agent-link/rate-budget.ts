/** Sheds what comes above a rate before it sinks the server: a token bucket that holds one second's worth. */
export function createRateBudget({ perSec, nowMs }: { perSec: number; nowMs: () => number }) {
  let tokens = perSec;
  let filledMs = nowMs();

  return {
    /** Reports whether one more may be taken now, and takes it. */
    take(): boolean {
      const at = nowMs();
      tokens = Math.min(perSec, tokens + ((at - filledMs) / 1000) * perSec);
      filledMs = at;
      if (tokens < 1) return false;
      tokens -= 1;
      return true;
    },
  };
}
