import { useSyncExternalStore } from "react";

let nowMs = Date.now();
let ticking: ReturnType<typeof setInterval> | undefined;
const listeners = new Set<() => void>();

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  ticking ??= setInterval(() => {
    nowMs = Date.now();
    for (const each of listeners) each();
  }, 1000);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(ticking);
    ticking = undefined;
  };
}

/** The time, each second: one clock for the whole page. `rounded`: to how many ms, for what need not be drawn each second. */
export function useNow(rounded = 1000): number {
  return useSyncExternalStore(subscribe, () => Math.floor(read() / rounded) * rounded);
}

/** While nothing ticks, the clock has stood still. */
function read(): number {
  if (ticking === undefined) nowMs = Date.now();
  return nowMs;
}
