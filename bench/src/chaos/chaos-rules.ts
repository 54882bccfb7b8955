/** What was promised, rule by rule. */
import type { GivenOrder } from "./chaos-history.ts";

/** `atMs`: when it happened, where that is known. */
export type Violation = { rule: Rule; what: string; atMs: number | null };

/** In the words of the bar, and of ARCHITECTURE.md's invariants. */
export const rules = {
  refused: "a valid order is not refused",
  neverEnded: "an accepted task ends, or is reported failed for a reason that there was",
  startedTwice: "a task is started once at most, on its own host",
  taskUntrue: "what is told of a task is what happened",
  orderGone: "an accepted setting is in effect, or a newer order has taken its place",
  orderUnknown: "nothing is stored or carried out that nobody ordered",
  storedTwice: "each generation is stored once, and none is missing",
  notReported: "the newest generation of each setting is reported by every host that it is for",
  hostDiffers: "a host holds what the Central Node says that it holds",
  outlived: "an isolation ends when it was ordered to, not sooner and not later",
  wentBack: "the generation of a setting on a host never goes back within a lineage",
  auditBroken: "the audit chain is whole",
  auditLacks: "every accepted order is in the audit log, as often as it was stored",
  hostLost: "every host is there in the end, and connected",
} as const;
export type Rule = keyof typeof rules;

/** Clocks are read in whole milliseconds, and isolations are given in whole seconds. */
const earlyMs = 1500;

/**
 * `graceMs`: longest that an order may be under way to a host that stands still: so much later its isolation may end.
 * `speed`: of the clocks by which isolations end.
 */
export type Limits = { graceMs: number; speed: number };

/** Between which times an isolation must end; null: not an isolation. */
export function endOf({ order, attempts }: GivenOrder, { graceMs, speed }: Limits) {
  if (order.kind !== "isolate") return null;
  const lastsMs = (order.seconds * 1000) / speed;
  const [first, last] = [attempts[0]?.sentMs ?? 0, attempts.at(-1)?.endedMs ?? 0];
  return { soonestMs: first + lastsMs - earlyMs, latestMs: last + lastsMs + graceMs };
}

export function violation(rule: Rule, what: string, atMs: number | null = null): Violation {
  return { rule, what, atMs };
}
