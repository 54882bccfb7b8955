import type { Clock } from "./host/clock.ts";

/**
 * When a wish ends, kept so that neither a jump of the clock nor a reboot makes it longer or loses it: within the boot
 * by the uptime, which nobody can set; after a reboot by the wall clock, but never more than was left when it was last
 * looked at.
 */
export type Deadline = { bootId: string; bootMs: number; wallMs: number; remainingMs: number };

export function deadlineAfter(remainingMs: number, clock: Clock): Deadline {
  return {
    bootId: clock.bootId,
    bootMs: clock.bootMs() + remainingMs,
    wallMs: clock.wallMs() + remainingMs,
    remainingMs,
  };
}

/** 0 when it has passed. */
export function remainingMs(deadline: Deadline, clock: Clock): number {
  const left =
    deadline.bootId === clock.bootId
      ? deadline.bootMs - clock.bootMs()
      : Math.min(deadline.wallMs - clock.wallMs(), deadline.remainingMs);
  return Math.max(0, left);
}
