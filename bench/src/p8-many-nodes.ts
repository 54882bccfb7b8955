/**
 * P8: one, two and four Central Nodes on one PostgreSQL, with one fleet spread over them. What an isolation takes longer that
 * is ordered at a node which does not hold the host's connection, and what the nodes together cost in CPU time.
 */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { setTimeout as waitMs } from "node:timers/promises";

import { responseApiBase } from "@cordon/contract";
import { startPostgres } from "../../packages/central-node/src/database/test-postgres.ts";
import { startProgram } from "../../system-tests/src/called-program.ts";
import { createExternalSystem, curlAs } from "../../system-tests/src/external-system.ts";
import { createFolder, type Owner, startCentralNode, thisMachine } from "../../system-tests/src/programs.ts";
import { asOwner } from "./as-owner.ts";
import type { BenchRow } from "./bench-row.ts";
import { median, quantile } from "./distribution.ts";
import { startFleet } from "./fleet/fleet.ts";
import { enrolInto } from "./fleet-folder.ts";
import { controlOf } from "./noise.ts";
import type { P1Calls } from "./p1-program.ts";
import { newHashes } from "./prepared-fleet.ts";
import { cpuMsOf } from "./process-cost.ts";

const client = new URL("./p1-program.ts", import.meta.url).href;
const withinMs = 120_000;
const [targetAddedMs, targetCost] = [10, 1.3];
/** One node once more in the end: how far it comes out from the first is what the run cannot tell. */
const turns = [1, 2, 4, 1];
const heartbeatSec = 10;
const ordersInWindow = 5;
const ordersBefore = 4;

type Sizes = { hosts: number; isolations: number; seconds: number; nodeCounts: number[] };
/** `held`, `other`: milliseconds from the POST to the host's report being acknowledged, by the node that was asked. */
type Turn = { nodes: number; held: number[]; other: number[]; cpuMsEach: number };

/** `isolations` at each of the two nodes in a turn, and `seconds` of heartbeats with five orders for all among them. */
export function p8({ hosts = 2000, isolations = 60, seconds = 30, nodeCounts = turns }: Partial<Sizes> = {}) {
  return asOwner(async (owner) => {
    const postgres = await startPostgres();
    owner.after(() => postgres.stop());
    const location = `${postgres.url}/postgres`;
    const identities = join(createFolder(owner, "p8"), "identities");
    await enrolInto(owner, { location, hosts, folder: identities });
    const system = createExternalSystem(owner, { inOneFile: true });
    const generations = { all: 0, ofHost: new Map<string, number>() };
    const took: Turn[] = [];
    for (const nodes of nodeCounts) {
      console.error(`P8: ${hosts} hosts on ${nodes} Central Nodes`);
      const measured = asOwner((turn) =>
        measure(turn, { nodes, location, identities, system, generations, hosts, isolations, seconds }),
      );
      took.push(await measured);
    }
    return [...latencyRows(took), ...costRows(hosts, took)];
  });
}

async function measure(
  owner: Owner,
  {
    ...needs
  }: Omit<Sizes, "nodeCounts"> & {
    nodes: number;
    location: string;
    identities: string;
    system: ReturnType<typeof createExternalSystem>;
    generations: { all: number; ofHost: Map<string, number> };
  },
): Promise<Turn> {
  const { hosts, nodes, location, identities, system, generations, isolations, seconds } = needs;
  const flags = ["--agent-heartbeat-sec", String(heartbeatSec)];
  const centrals = await Promise.all(
    Array.from({ length: nodes }, () => startCentralNode(owner, { database: location, flags })),
  );
  const [first] = centrals;
  if (first === undefined) throw new Error("no node was asked for");
  const pem = system.curlFlags[1] ?? "";
  if (generations.all === 0) {
    await curlAs(system, first).get(`sensors?sensor_id=${randomUUID()}`);
    await first.acceptSystem(system);
  }
  const soars = await Promise.all(
    centrals.map(async ({ api }) => {
      const soar = startProgram<P1Calls>(thisMachine, client);
      owner.after(() => soar.kill());
      await soar.ask("connect", { url: api, pem });
      return soar;
    }),
  );
  // One process: the hosts are then in the order of their numbers, and each begins with the node that its number names.
  const servers = centrals.map(({ api }) => new URL(api).host);
  const fleet = await startFleet({ hosts, servers, identities, processes: 1 });
  owner.after(() => fleet.close());
  await fleet.connect();
  await checkSpread(centrals, hosts);

  const base = `${responseApiBase}/${system.id}`;
  const body = { settings: { autoTurnoffTimeoutInSec: 3600, excludedRules: [] } };
  /** The host with that number, ordered at the node `away` places after the one that holds it. */
  const isolate = async (number: number, away: number): Promise<number> => {
    const sensorId = fleet.sensorIds()[number] ?? "";
    const soar = soars[(number + away) % nodes];
    const generation = (generations.ofHost.get(sensorId) ?? 0) + 1;
    generations.ofHost.set(sensorId, generation);
    const path = `${base}/settings?sensor_id=${sensorId}&settings_type=network_isolation`;
    const leftMs = (await soar?.ask("send", { method: "POST", path, body })) ?? Number.NaN;
    const order = { action: "network-isolation", scope: "host" as const, generation, hosts: [sensorId] };
    return (await fleet.untilAcknowledged(order, withinMs)).lastMs - leftMs;
  };
  const [held, other]: [number[], number[]] = [[], []];
  for (let count = -1; count < isolations; count += 1) {
    const number = (2 * (count + 1)) % Math.max(1, hosts - 1);
    const [here, there] = [await isolate(number, 0), await isolate(number + 1, 1)];
    // The first of each loads code and is not counted.
    if (count < 0) continue;
    held.push(here);
    if (nodes > 1) other.push(there);
  }

  const cpuMs = () => centrals.reduce((sum, central) => sum + cpuMsOf(central.pid()), 0);
  const orderNext = async (count: number) => {
    const objects = newHashes(10).map((sha256) => ({ file: { sha256 } }));
    const path = `${base}/settings?sensor_id=all&settings_type=prevention`;
    await soars[count % nodes]?.ask("send", { method: "POST", path, body: { settings: { objects } } });
    generations.all += 1;
    const order = { action: "prevention", scope: "all" as const, generation: generations.all };
    await fleet.untilAcknowledged(order, withinMs);
  };
  // Not counted, until each node has taken as many reports as the only one of a turn does: each has its code to compile, and
  // a node of four, with a quarter of the hosts, would do so within what is counted.
  for (let count = 0; count < ordersBefore * nodes; count += 1) await orderNext(count);
  const startedCpuMs = cpuMs();
  for (let count = 0; count < ordersInWindow; count += 1) {
    const window = waitMs((seconds * 1000) / ordersInWindow);
    await orderNext(count);
    await window;
  }
  return { nodes, held, other, cpuMsEach: (cpuMs() - startedCpuMs) / hosts };
}

/** A figure of many nodes is none where one of them holds all hosts. */
async function checkSpread(centrals: readonly { metrics: string }[], hosts: number): Promise<void> {
  for (const { metrics } of centrals) {
    const text = await (await fetch(`${metrics}/metrics`)).text();
    const connected = Number(/^cordon_agents_connected (\d+)/m.exec(text)?.[1]);
    const share = hosts / centrals.length;
    if (!(Math.abs(connected - share) <= 1)) throw new Error(`a node holds ${connected} hosts instead of ${share}`);
  }
}

function latencyRows(took: readonly Turn[]): BenchRow[] {
  return took
    .filter(({ nodes }) => nodes > 1)
    .map(({ nodes, held, other }) => {
      const [value, floor, control] = [median(other), median(held), controlOf(held)];
      const range = (values: number[]) => `${quantile(values, 0.1).toFixed(0)} to ${quantile(values, 0.9).toFixed(0)}`;
      return {
        ...{ id: "P8", figure: `isolation ordered at another of ${nodes} nodes, median`, value, floor, unit: "ms" },
        ratio: value / floor,
        p99Ratio: quantile(other, 0.99) / quantile(held, 0.99),
        spread: `${range(other)} (floor ${range(held)}, against itself ${control.ratio.toFixed(2)})`,
        target: `≤ ${targetAddedMs} ms added`,
        met: !control.isNoisy && value - floor <= targetAddedMs,
        note: `${(value - floor).toFixed(1)} ms added, of ${other.length} each; from the POST to the report acknowledged. Floor: ordered at the node that holds the host.${control.note}`,
      };
    });
}

function costRows(hosts: number, took: readonly Turn[]): BenchRow[] {
  const ofOne = took.filter(({ nodes }) => nodes === 1).map(({ cpuMsEach }) => cpuMsEach);
  const [floor, control] = [median(ofOne), controlOf(ofOne)];
  return took
    .filter(({ nodes }) => nodes > 1)
    .map(({ nodes, cpuMsEach: value }) => ({
      ...{ id: "P8", figure: `server CPU per agent on ${nodes} nodes together`, value, floor, unit: "ms" },
      ratio: value / floor,
      spread: `one node ${ofOne.map((each) => each.toFixed(2)).join(" and ")}, against itself ${control.ratio.toFixed(2)}`,
      target: `≤ ${targetCost} × one node`,
      met: !control.isNoisy && value / floor <= targetCost,
      note: `${hosts} agents, a heartbeat every ${heartbeatSec} s and ${ordersInWindow} rules for all. PostgreSQL's own CPU time is not in it. Floor: one node with all of them.${control.note}`,
    }));
}
