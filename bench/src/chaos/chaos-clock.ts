/** Clocks of Central Nodes and hosts that run faster than the machine's, all of them alike. */
import { type Clock, createHostClock } from "@cordon/endpoint-agent";

/** Both clocks are as the machine's at these times, and from there on `speed` times as fast. */
export type FastClock = { speed: number; wallMs: number; bootMs: number };

/**
 * A timer of an agent that is longer than all that it times itself waits for an isolation's end. A shorter one near the end
 * fires late; the kernel's timer and the look of each minute are there for that.
 */
const longestOwnTimerMs = 61_000;

export function startFastClock(speed: number): FastClock {
  const clock = createHostClock();
  return { speed, wallMs: clock.wallMs(), bootMs: clock.bootMs() };
}

export const parseFastClock = (text: string) => JSON.parse(text) as FastClock;

export const fastMs = (realMs: number, fromMs: number, { speed }: FastClock) =>
  Math.round(fromMs + (realMs - fromMs) * speed);

export function createFastHostClock(fast: FastClock): Clock {
  const clock = createHostClock();
  return {
    bootId: clock.bootId,
    wallMs: () => fastMs(clock.wallMs(), fast.wallMs, fast),
    bootMs: () => fastMs(clock.bootMs(), fast.bootMs, fast),
    after: (delayMs, run) => clock.after(delayMs > longestOwnTimerMs ? delayMs / fast.speed : delayMs, run),
  };
}
