const baseMs = 500;
/** With full jitter the attempts so far took about as long as the next wait may be: an outage is followed by at most its own length. */
const growth = 1.5;
const capMs = 60_000;
/** The longest that a Central Node can send an agent away for. */
const longestRetryAfterMs = 300_000;

/**
 * How long to wait before the next attempt: full jitter over a capped, growing time, so that a fleet that lost its
 * Central Node does not come back at one moment. `failures`: attempts since the last good session.
 */
export function reconnectDelayMs({
  failures,
  retryAfterMs = 0,
  random,
}: {
  failures: number;
  retryAfterMs?: number;
  random: () => number;
}): number {
  const spreadMs = Math.min(capMs, baseMs * growth ** Math.min(failures, 30));
  return Math.min(Math.max(0, retryAfterMs), longestRetryAfterMs) + random() * spreadMs;
}
