/** What a chaos run will do, all of it from one seed. */
import { createHash } from "node:crypto";
import { createRandom } from "../../../system-tests/src/orders-under-fire-plan.ts";
import type { Fault, FaultKind, Order } from "./chaos-history.ts";

export type PlannedFault = Pick<Fault, "what" | "which" | "kind"> & { atMs: number; lastsMs: number };
/** `gaveUp`: at the first lost answer it is not asked again, and what came of it stays unknown. */
export type PlannedOrder = { atMs: number; order: Order; gaveUp: boolean };
export type Plan = { faults: PlannedFault[]; orders: PlannedOrder[] };

export type Sizes = { sensorIds: string[]; nodes: number; agents: number; durationMs: number; ordersPerSec: number };

/** No fault lasts longer. Its end may still take a while: a Central Node takes seconds to start. */
export const longestFaultMs = 12_000;
const shortestFaultMs = 300;
const firstFaultMs = 2000;
const leastIsolationSec = 3600;

const kinds: { what: Fault["what"]; kind: FaultKind; weight: number }[] = [
  { what: "node", kind: "kill", weight: 5 },
  { what: "node", kind: "pause", weight: 4 },
  { what: "node", kind: "cut", weight: 3 },
  { what: "node", kind: "silence", weight: 3 },
  { what: "agents", kind: "kill", weight: 5 },
  { what: "agents", kind: "pause", weight: 3 },
  { what: "agents", kind: "cut", weight: 3 },
  { what: "postgres", kind: "stop", weight: 1 },
  { what: "postgres", kind: "stop-at-once", weight: 1 },
  { what: "postgres", kind: "kill", weight: 1 },
  { what: "postgres", kind: "pause", weight: 2 },
];

const orderKinds: { kind: Order["kind"]; ofAll: boolean; weight: number }[] = [
  { kind: "run", ofAll: false, weight: 9 },
  { kind: "isolate", ofAll: false, weight: 6 },
  { kind: "end-isolation", ofAll: false, weight: 2 },
  { kind: "ban", ofAll: false, weight: 3 },
  { kind: "unban", ofAll: false, weight: 1 },
  { kind: "ban", ofAll: true, weight: 1 },
  { kind: "unban", ofAll: true, weight: 0.3 },
];

export function planChaos(seed: number, sizes: Sizes): Plan {
  const random = createRandom(seed);
  return { faults: planFaults(random, sizes), orders: planOrders(random, seed, sizes) };
}

/** Faults of different victims overlap; a victim has one at a time. All begin well before the end. */
function planFaults(random: () => number, { nodes, agents, durationMs }: Sizes): PlannedFault[] {
  const faults: PlannedFault[] = [];
  const freeAtMs = new Map<string, number>();
  const counts = { node: nodes, agents, postgres: 1 };
  for (let atMs = firstFaultMs; atMs < durationMs; atMs += 500 + random() * 3500) {
    const { what, kind } = pickByWeight(kinds, random);
    const which = Math.floor(random() * counts[what]);
    // More short ones than long ones; a cut link is whole again at once, and whoever lost it comes back by itself.
    const lastsMs =
      what === "agents" && kind === "cut"
        ? 0
        : Math.round(shortestFaultMs + random() ** 2 * (longestFaultMs - shortestFaultMs));
    const victim = `${what} ${which}`;
    if ((freeAtMs.get(victim) ?? 0) > atMs) continue;
    freeAtMs.set(victim, atMs + lastsMs + 1000);
    faults.push({ what, which, kind, atMs: Math.round(atMs), lastsMs });
  }
  return faults;
}

function planOrders(random: () => number, seed: number, { sensorIds, durationMs, ordersPerSec }: Sizes) {
  const orders: PlannedOrder[] = [];
  for (let atMs = 0, number = 1; atMs < durationMs; atMs += (random() * 2000) / ordersPerSec, number++) {
    const { kind, ofAll } = pickByWeight(orderKinds, random);
    const host = sensorIds[Math.floor(random() * sensorIds.length)] ?? "";
    const target = ofAll ? "all" : host;
    const gaveUp = random() < 0.15;
    const few = random();
    orders.push({ atMs: Math.round(atMs), order: orderOf({ kind, number, target, seed, few }), gaveUp });
  }
  return orders;
}

function orderOf(of: { kind: Order["kind"]; number: number; target: string; seed: number; few: number }): Order {
  const { kind, number, target, seed, few } = of;
  const hash = (part: string) => createHash("sha256").update(`${seed} ${number} ${part}`).digest("hex");
  switch (kind) {
    case "isolate":
      // A time of its own names it.
      return { kind, number, target, seconds: leastIsolationSec + number };
    case "ban":
      return {
        kind,
        number,
        target,
        hashes: Array.from({ length: 1 + Math.floor(few * 4) }, (_, at) => hash(`${at}`)),
      };
    case "run":
      // One in three takes so long that a kill may well fall into it.
      return { kind, number, target, taskId: uuidOf(hash("task")), lastsMs: few < 0.33 ? Math.round(few * 24_000) : 0 };
    default:
      return { kind, number, target };
  }
}

function uuidOf(hex: string): string {
  return [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join(
    "-",
  );
}

function pickByWeight<T extends { weight: number }>(from: readonly T[], random: () => number): T {
  let left = random() * from.reduce((sum, { weight }) => sum + weight, 0);
  for (const each of from) {
    left -= each.weight;
    if (left < 0) return each;
  }
  const last = from.at(-1);
  if (last === undefined) throw new Error("nothing to pick from");
  return last;
}
