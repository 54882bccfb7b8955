import type { Clock } from "../host/clock.ts";

export type ManualClock = Clock & {
  /** Lets time pass: timers that come due run, in order. */
  advance(ms: number): void;
  /** Sets the wall clock, as a person or NTP does. */
  setWall(ms: number): void;
  /** As after a reboot: uptime starts over, timers are gone. */
  reboot(offMs?: number): void;
};

/** A clock that a test moves. */
export function createManualClock(startMs = Date.UTC(2026, 10, 24)): ManualClock {
  let wall = startMs;
  let boot = 1_000_000;
  let boots = 1;
  let nextId = 0;
  const timers = new Map<number, { due: number; run: () => void }>();
  return {
    wallMs: () => wall,
    bootMs: () => boot,
    get bootId() {
      return `boot-${boots}`;
    },
    after(delayMs, run) {
      const id = nextId;
      nextId += 1;
      timers.set(id, { due: boot + Math.max(0, delayMs), run });
      return () => timers.delete(id);
    },
    advance(ms) {
      const end = boot + ms;
      for (;;) {
        const [next] = [...timers].filter(([, timer]) => timer.due <= end).sort(([, a], [, b]) => a.due - b.due);
        if (next === undefined) break;
        const [id, timer] = next;
        timers.delete(id);
        wall += Math.max(0, timer.due - boot);
        boot = Math.max(boot, timer.due);
        timer.run();
      }
      wall += end - boot;
      boot = end;
    },
    setWall(ms) {
      wall = ms;
    },
    reboot(offMs = 0) {
      boots += 1;
      boot = 0;
      wall += offMs;
      timers.clear();
    },
  };
}
