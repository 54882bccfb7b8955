/** Carries out the faults of a plan; each is healed, however often that has to be tried. */
import { setTimeout as wait } from "node:timers/promises";
import type { createScaleOutLab } from "../../../system-tests/src/scale-out-lab.ts";
import { monotonicMs } from "../fleet/fleet-messages.ts";
import type { Agents } from "./chaos-agents.ts";
import type { Fault } from "./chaos-history.ts";
import type { PlannedFault } from "./chaos-plan.ts";

export type Lab = Awaited<ReturnType<typeof createScaleOutLab>>;
type Carried = { begin(): unknown; heal(): unknown };

/** A Central Node whose PostgreSQL is away ends at its start; something like systemd starts it again. */
const healAgainMs = 500;
const healTries = 60;

export function createFaults({ nodes, postgres }: Pick<Lab, "nodes" | "postgres">, agents: readonly Agents[]) {
  const faults: Fault[] = [];
  const underWay = new Map<string, string>();

  async function carryOut({ what, which, kind, lastsMs }: PlannedFault, signal: AbortSignal) {
    const { begin, heal } = carrierOf({ what, which, kind });
    const victim = `${what} ${which}`;
    const fault: Fault = { what, which, kind, beganMs: monotonicMs(), healedMs: Number.POSITIVE_INFINITY };
    faults.push(fault);
    underWay.set(victim, kind);
    await begin();
    await wait(lastsMs, null, { signal }).catch(() => {});
    for (let tries = 1; ; tries++) {
      try {
        await heal();
        break;
      } catch (error) {
        if (tries === healTries) throw new Error(`${victim}: ${kind} could not be healed`, { cause: error });
        await wait(healAgainMs);
      }
    }
    fault.healedMs = monotonicMs();
    underWay.delete(victim);
  }

  const isBusy = ({ what, which }: Pick<Fault, "what" | "which">) => underWay.has(`${what} ${which}`);

  function carrierOf({ what, which, kind }: Pick<Fault, "what" | "which" | "kind">): Carried {
    if (what === "postgres") {
      if (kind === "pause") return { begin: postgres.pause, heal: postgres.resume };
      const signals = { stop: "SIGINT", "stop-at-once": "SIGQUIT", kill: "SIGKILL" } as const;
      return { begin: () => postgres.end(signals[kind as keyof typeof signals]), heal: postgres.start };
    }
    const victim = what === "node" ? nodes[which] : agents[which];
    if (victim === undefined) throw new Error(`there is no ${what} ${which}`);
    if (kind === "kill") return { begin: () => victim.kill(), heal: () => victim.restart() };
    if (kind === "pause") return { begin: victim.pause, heal: victim.resume };
    if ("cut" in victim) return { begin: victim.cut, heal: () => {} };
    return { begin: kind === "cut" ? victim.link.refuse : victim.link.fallSilent, heal: victim.link.restore };
  }

  return {
    faults,
    underWay: () => [...underWay].map(([victim, kind]) => `${victim}: ${kind}`),
    /** Resolves once all are healed. When `signal` aborts nothing more begins, and all is healed at once. */
    async carryOutAll(planned: readonly PlannedFault[], startMs: number, signal: AbortSignal) {
      const carried: Promise<void>[] = [];
      for (const each of planned) {
        await wait(Math.max(0, startMs + each.atMs - monotonicMs()), null, { signal }).catch(() => {});
        if (signal.aborted) break;
        // A slow start can take longer than planned, and a victim has one fault at a time.
        if (!isBusy(each)) carried.push(carryOut(each, signal));
      }
      await Promise.all(carried);
    },
  };
}
