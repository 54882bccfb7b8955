/** Calls `tell` at once, or, within `pauseMs` of the call before, when that time is over: a storm of events becomes a few calls. */
export function atMostEvery(pauseMs: number, tell: () => void): () => void {
  let lastAt = -Infinity;
  let waiting = false;
  return () => {
    if (waiting) return;
    const now = () => {
      waiting = false;
      lastAt = performance.now();
      tell();
    };
    const leftMs = lastAt + pauseMs - performance.now();
    if (leftMs <= 0) return now();
    waiting = true;
    // Nobody's end has to wait for it.
    setTimeout(now, leftMs).unref();
  };
}
