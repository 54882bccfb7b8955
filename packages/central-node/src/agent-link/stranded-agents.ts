import type { Logger } from "pino";

/** Shorter outages, a failover of the database among them, are sat out: agents that stay cost nobody anything. */
const patienceMs = 30_000;
/** Enough that one host which is switched off meanwhile decides nothing. */
const scoutCount = 3;
/** An agent that finds nobody is back at every address within this, also where some of them swallow everything. */
const scoutingMs = 60_000;
const nextScoutsAfterMs = 300_000;

type Connection = { key: string; letGo(): void };
type Scouting = { sinceMs: number; returns: Map<string, number> };

/**
 * What a Central Node does with its agents while it cannot reach its database. Others may reach it, and then agents are
 * better off there; or nobody does, and then a fleet that looks around would only be a storm when all is well again. Nobody
 * can tell this node which: so a few agents are sent to find out. One that finds a Central Node which serves stays there;
 * one that finds none comes back again and again.
 */
export function createStrandedAgents({
  connections,
  canServe,
  letGoAtOnce,
  nowMs,
  log,
}: {
  /** Those that stand now, by whatever names a host when it comes back. */
  connections(): Iterable<Connection>;
  canServe(): Promise<boolean>;
  /** How many are let go each time that `look` is called. */
  letGoAtOnce: number;
  nowMs: () => number;
  log: Logger;
}) {
  let awaySinceMs: number | null = null;
  let scouting: Scouting | null = null;
  let nextScoutsAtMs = 0;
  let othersServe = false;

  function letGo(count: number): string[] {
    const gone: string[] = [];
    for (const { key, letGo } of connections()) {
      if (gone.length === count) break;
      letGo();
      gone.push(key);
    }
    return gone;
  }

  function conclude({ returns }: Scouting) {
    scouting = null;
    // The first attempt may be here only because this node comes first in an agent's list.
    othersServe = ![...returns.values()].some((count) => count > 1);
    if (othersServe) {
      log.warn("the database is away from here, and agents find other Central Nodes that serve: letting them go");
    } else {
      nextScoutsAtMs = nowMs() + nextScoutsAfterMs;
    }
  }

  return {
    /** To be called from time to time, every few seconds. */
    async look(): Promise<void> {
      if (await canServe()) {
        awaySinceMs = null;
        scouting = null;
        othersServe = false;
        nextScoutsAtMs = 0;
        return;
      }
      const at = nowMs();
      awaySinceMs ??= at;
      if (at - awaySinceMs < patienceMs) return;
      if (scouting !== null && at - scouting.sinceMs >= scoutingMs) conclude(scouting);
      if (othersServe) {
        letGo(letGoAtOnce);
      } else if (scouting === null && at >= nextScoutsAtMs) {
        const scouts = letGo(scoutCount);
        if (scouts.length > 0) scouting = { sinceMs: at, returns: new Map(scouts.map((key) => [key, 0])) };
      }
    },
    /** An agent asked to be let in, which needs the database. */
    returned(key: string): void {
      const count = scouting?.returns.get(key);
      if (count !== undefined) scouting?.returns.set(key, count + 1);
    },
  };
}
