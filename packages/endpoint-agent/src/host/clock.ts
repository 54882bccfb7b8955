import { readFileSync } from "node:fs";
import { uptime } from "node:os";

/** Time as a dependency. */
export type Clock = {
  /** Milliseconds since 1970 by the host's clock, which may be set to anything at any time. */
  wallMs(): number;
  /** Milliseconds since the host booted, sleep included. Only rises, and means something within one boot only. */
  bootMs(): number;
  bootId: string;
  /** Runs `run` once, `delayMs` from now or a little later. Returns how to call it off. */
  after(delayMs: number, run: () => void): () => void;
};

/** Node's timers take no longer delay: one above it fires at once. */
const longestTimerMs = 2 ** 31 - 1;

export function createHostClock(): Clock {
  return {
    wallMs: () => Date.now(),
    // CLOCK_BOOTTIME: unlike process.hrtime it counts while a laptop sleeps, as the kernel's set timeouts do not stop either.
    bootMs: () => Math.round(uptime() * 1000),
    bootId: readBootId(),
    after(delayMs, run) {
      // A caller that gets an early call looks at the clock and asks again.
      const timer = setTimeout(run, Math.min(Math.max(0, delayMs), longestTimerMs));
      return () => clearTimeout(timer);
    },
  };
}

/** Another one after each boot. */
function readBootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
}
