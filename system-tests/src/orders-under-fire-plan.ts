import { randomUUID } from "node:crypto";

export type Order =
  | { kind: "task"; sensorId: string; taskId: string }
  | { kind: "isolate"; sensorId: string; seconds: number }
  | { kind: "end-isolation"; sensorId: string };

/** Numbers from 0 to below 1, the same ones for the same seed (mulberry32). */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Seven tasks to three settings, in any order, for any host. Every isolation has a time of its own, which names it. */
export function planOrders(count: number, sensorIds: readonly string[], random: () => number): Order[] {
  return Array.from({ length: count }, (_, index): Order => {
    const sensorId = pick(sensorIds, random);
    const kind = random();
    if (kind < 0.7) return { kind: "task", sensorId, taskId: randomUUID() };
    if (kind < 0.95) return { kind: "isolate", sensorId, seconds: 3600 + index };
    return { kind: "end-isolation", sensorId };
  });
}

/** After how many steps of progress each kill comes, rising: about one in every `every`, up to `total`. */
export function planKills(total: number, every: number, random: () => number): number[] {
  const kills: number[] = [];
  for (let at = every * random(); at < total; at += every * (0.5 + random())) kills.push(Math.ceil(at));
  return kills;
}

function pick<T>(from: readonly T[], random: () => number): T {
  const picked = from[Math.floor(random() * from.length)];
  if (picked === undefined) throw new Error("nothing to pick from");
  return picked;
}
