/**
 * A timer of the kernel that kills this process unless it is put off again and again. Whoever decides about every program
 * that starts on a host must not be able to hang for long, even where nobody is left to look after it: the kernel lets
 * everything pass once all holders of the group are gone.
 */
import { errorName, kernel } from "./enforce-kernel.ts";

const monotonic = 1;
const kill = 9;

export type DeadMan = { putOff(): void; disarm(): void };

/** It also goes off in a process that was stopped. */
export function createDeadMan({ afterSec }: { afterSec: number }): DeadMan {
  const event = Buffer.alloc(64);
  event.writeInt32LE(kill, 8);
  const timer = Buffer.alloc(8);
  if (kernel.timerCreate(monotonic, event, timer) < 0) throw new Error(`timer_create: ${errorName()}`);
  const handle = timer.readBigUInt64LE(0);
  const value = Buffer.alloc(32);
  const set = (seconds: number) => {
    value.writeBigInt64LE(BigInt(seconds), 16);
    kernel.timerSettime(handle, 0, value, null);
  };
  return { putOff: () => set(afterSec), disarm: () => set(0) };
}
