import { Problem, type SettingOrder } from "@cordon/contract";
import type { Reader } from "../database/database.ts";
import type { SettingRow } from "../database/tables.ts";
import type { Host } from "../hosts/host-service.ts";
import type { PreventionRules } from "./prevention-rules.ts";
import type { PreventionSets, SetFrames } from "./prevention-sets.ts";
import { isInForce, keyOf, type SettingHead, scopeOf } from "./setting-state.ts";
import { settingStore } from "./setting-store.ts";

/** A setting to hand to an agent, with the scope that it stands for. */
export type DueSetting = Omit<SettingOrder, "type">;

/** A prevention rule in force to hand to an agent in parts. `base`: the generation that it has, or null. */
export type DueSet = { scope: "host" | "all"; generation: number; base: number | null };

/** What is ordered for all hosts, read once for every connection. */
export type OrdersOfAll = {
  heads: readonly { action: string; generation: number; inForce: boolean }[];
  /** The parts of the prevention rule for agents that hold generation `base`, or none; null: it is not in force any more. */
  readSet(base: number | null): Promise<SetFrames | null>;
};

type Able = Pick<Host, "sensorId" | "capabilities">;

/** A rule is read again where an order came in between, which nobody can do all the time. */
const maxReads = 10;

/** What agents lack, as they get it. */
export function createDueSettings({
  read,
  rules,
  sets,
  now,
}: {
  read: Reader;
  rules: PreventionRules;
  sets: PreventionSets;
  now: () => Date;
}) {
  /** A setting with its whole wish; null where it is not in force any more. */
  async function readWhole(target: string, action: string): Promise<{ row: SettingRow; wish: object | null } | null> {
    for (let reads = 0; reads < maxReads; reads++) {
      const row = await settingStore.find(read, target, action);
      if (row === undefined) return null;
      if (!isInForce(row, now())) return { row, wish: null };
      const wish: object | null = action === "prevention" ? await rules.read(row) : JSON.parse(row.wish);
      if (wish !== null) return { row, wish };
    }
    throw new Problem("UNAVAILABLE", { message: "the rule changes faster than it can be read" });
  }

  async function listDueHeads(host: Able, known: ReadonlyMap<string, number>): Promise<SettingHead[]> {
    return (await settingStore.listHeads(read, [host.sensorId]))
      .filter((head) => host.capabilities.includes(head.action) || known.has(keyOf(head.action, scopeOf(head))))
      .filter((head) => known.get(keyOf(head.action, scopeOf(head))) !== head.generation);
  }

  function setsOf(heads: readonly SettingHead[], known: ReadonlyMap<string, number>): DueSet[] {
    return heads
      .filter((head) => head.action === "prevention" && isInForce(head, now()))
      .map((head) => {
        const scope = scopeOf(head);
        return { scope, generation: head.generation, base: known.get(keyOf("prevention", scope)) ?? null };
      });
  }

  /** The parts of a rule as it is by now; null: it is not in force any more. */
  async function readSet(sensorId: string, { scope, base }: Pick<DueSet, "scope" | "base">): Promise<SetFrames | null> {
    const row = await settingStore.find(read, scope === "all" ? "all" : sensorId, "prevention");
    return row === undefined || !isInForce(row, now()) ? null : sets.framesOf(row, base);
  }

  return {
    readWhole,
    readSet,

    /** What it reads is the same for thousands of agents: a base is looked up once. */
    async readOrdersOfAll(): Promise<OrdersOfAll> {
      const heads = await settingStore.listHeads(read, []);
      const found = new Map<number | null, Promise<SetFrames | null>>();
      return {
        heads: heads.map((head) => ({
          action: head.action,
          generation: head.generation,
          inForce: isInForce(head, now()),
        })),
        readSet(base) {
          const set = found.get(base) ?? readSet("all", { scope: "all", base });
          found.set(base, set);
          return set;
        },
      };
    },

    /**
     * Settings that a host should have, other than those whose generation it has already (`known`: by `keyOf`). What it
     * cannot do waits until it can, unless it holds an older one: that must not outlive its being lifted. `inSets`: the
     * prevention rules in force by themselves, as they travel in parts.
     */
    async readDue(
      host: Able,
      known: ReadonlyMap<string, number>,
      { inSets }: { inSets: boolean },
    ): Promise<{ settings: DueSetting[]; sets: DueSet[] }> {
      const heads = await listDueHeads(host, known);
      const sets = inSets ? setsOf(heads, known) : [];
      const others = heads
        .filter((head) => !sets.some(({ scope }) => head.action === "prevention" && scope === scopeOf(head)))
        .sort((a, b) => urgency(a.action) - urgency(b.action));
      const found = await Promise.all(others.map((head) => readWhole(head.target, head.action)));
      const at = now();
      return { settings: found.flatMap((setting) => (setting === null ? [] : [toOrder(setting, at)])), sets };
    },

    /** The sets of `readDue` alone. */
    listDueSets: async (host: Able, known: ReadonlyMap<string, number>): Promise<DueSet[]> =>
      setsOf(await listDueHeads(host, known), known),
  };
}

/** Isolation overtakes everything: it is what stops an attack that is under way. */
function urgency(action: string): number {
  return action === "network-isolation" ? 0 : 1;
}

function toOrder({ row, wish }: { row: SettingRow; wish: object | null }, at: Date): DueSetting {
  const order = { action: row.action, scope: scopeOf(row), generation: row.generation };
  if (wish === null || !isInForce(row, at)) return { ...order, wish: null };
  if (row.ends_at === null) return { ...order, wish };
  return { ...order, wish, remainingSec: (Date.parse(row.ends_at) - at.getTime()) / 1000 };
}
