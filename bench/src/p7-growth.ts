/**
 * P7: whether a host costs more where there are many: a rule for all hosts as in P3, and calls of the Response API as in P5,
 * on fleets of three sizes that take turns. What counts is the server's CPU time; wall time is told beside it.
 */
import { startProgram } from "../../system-tests/src/called-program.ts";
import { type Owner, thisMachine } from "../../system-tests/src/programs.ts";
import { asOwner } from "./as-owner.ts";
import type { BenchRow } from "./bench-row.ts";
import { median, quantile } from "./distribution.ts";
import { controlOf } from "./noise.ts";
import { fillWithHosts, sensorIdOf } from "./p5-hosts.ts";
import type { Load, P5Calls } from "./p5-program.ts";
import { type FleetSize, newHashes, prepareFleet } from "./prepared-fleet.ts";
import { cpuMsOf, hostsThatFit } from "./process-cost.ts";

const loader = new URL("./p5-program.ts", import.meta.url).href;
const withinMs = 180_000;
const target = 1.3;
/** Heartbeats are no part of what is measured, and the agents of all three sizes send them all the while. */
const flags = ["--agent-heartbeat-sec", "120"];
const isolation = JSON.stringify({ settings: { autoTurnoffTimeoutInSec: 3600, excludedRules: [] } });

type Sizes = Pick<FleetSize, "fleetFolder"> & {
  /** The smallest first; in place of `hosts`. */
  sizes: number[];
  rounds: number;
  /** Of each turn of a load. */
  seconds: number;
};

/** `hosts`: of the largest fleet; the others have a quarter and a twentieth of them. */
export function p7({
  hosts = 20_000,
  sizes,
  rounds = 6,
  seconds = 2,
  fleetFolder,
}: Partial<Sizes & { hosts: number }> = {}) {
  return asOwner((owner) => measure(owner, { sizes: sizes ?? sizesUpTo(hosts), rounds, seconds, fleetFolder }));
}

function sizesUpTo(hosts: number): number[] {
  const most = hostsThatFit(hosts);
  return [Math.ceil(most / 20), Math.ceil(most / 4), most];
}

async function measure(owner: Owner, { sizes, rounds, seconds, fleetFolder }: Sizes): Promise<BenchRow[]> {
  const client = startProgram<P5Calls>(thisMachine, loader);
  owner.after(() => client.kill());
  const ends: Awaited<ReturnType<typeof openFleet>>[] = [];
  for (const hosts of sizes) ends.push(await openFleet(owner, { hosts, fleetFolder }));
  const none = () => sizes.map((): number[] => []);
  const [cpu, time, reads, orders, lists] = [none(), none(), none(), none(), none()];
  const largest = Math.max(...sizes);
  for (let round = 0; round <= rounds; round += 1) {
    for (const [at, { hosts, central, pem, urls, costOf, order }] of ends.entries()) {
      // Several for a small fleet: the kernel counts CPU time in steps of 10 ms.
      const times = Math.ceil(largest / hosts / 4);
      let tookMs = 0;
      const ordered = await costOf(async () => {
        for (let count = 0; count < times; count += 1) tookMs += await order();
        return times * hosts;
      });
      const load = async (call: Pick<Load, "url" | "method" | "body">) =>
        (await client.ask("load", { ...call, pem, seconds })).requests;
      const read = await costOf(() => load({ url: urls.sensor, method: "GET" }));
      const isolated = await costOf(() => load({ url: urls.settings, method: "POST", body: isolation }));
      const listed = await costOf(async () => {
        for (let count = 0; count < times; count += 1) await client.ask("get", { url: urls.list, pem, text: false });
        return times * hosts;
      });
      console.error(`P7: round ${round} of ${rounds}, ${hosts} hosts (server ${central.pid()})`);
      // The first of each loads code and is not counted.
      if (round === 0) continue;
      cpu[at]?.push(ordered);
      time[at]?.push((tookMs / times / hosts) * 1000);
      reads[at]?.push(read);
      orders[at]?.push(isolated);
      lists[at]?.push(listed);
    }
  }
  return [
    toRow("rule of ten hashes for all: server CPU per host", sizes, cpu),
    toRow("rule of ten hashes for all: time per host", sizes, time),
    toRow("GET sensors of one host: server CPU per request", sizes, reads),
    toRow("POST isolation: server CPU per order", sizes, orders),
    toRow("GET sensors of all hosts: server CPU per host", sizes, lists),
  ];
}

/** A fleet that is connected, and one host more that is not: it is the one to read and to isolate. */
async function openFleet(owner: Owner, { hosts, fleetFolder }: FleetSize) {
  const prepared = await prepareFleet(owner, { hosts, fleetFolder, flags });
  const { central, fleet, pem, base, ban, connect } = prepared;
  fillWithHosts(central.dataDir, 1);
  await connect();
  console.error(`P7: ${hosts} hosts are connected`);
  const url = central.api + base;
  return {
    hosts,
    central,
    pem,
    urls: {
      sensor: `${url}/sensors?sensor_id=${sensorIdOf(0)}`,
      settings: `${url}/settings?sensor_id=${sensorIdOf(0)}&settings_type=network_isolation`,
      list: `${url}/sensors`,
    },
    /** Milliseconds until a new rule is in effect on the last host, and durably reported. */
    async order(): Promise<number> {
      const { leftMs, order } = await ban(newHashes(10));
      return (await fleet.untilAcknowledged(order, withinMs)).lastMs - leftMs;
    },
    /** Microseconds of the server's CPU for each of what `work` says it was. */
    async costOf(work: () => Promise<number>): Promise<number> {
      const startedMs = cpuMsOf(central.pid());
      const count = await work();
      return ((cpuMsOf(central.pid()) - startedMs) / count) * 1000;
    },
  };
}

/** `values`: for each size what each round gave, in microseconds. */
function toRow(figure: string, sizes: number[], values: number[][]): BenchRow {
  const medians = values.map(median);
  const [floor = Number.NaN, ...others] = medians;
  const value = Math.max(...others);
  // On the largest: on the smallest, a step of the kernel's clock weighs most.
  const control = controlOf(values.at(-1) ?? []);
  const each = sizes.map((hosts, at) => {
    const [low, high] = [0.1, 0.9].map((share) => quantile(values[at] ?? [], share).toFixed(0));
    return `${hosts}: ${medians[at]?.toFixed(0)} (${low} to ${high})`;
  });
  return {
    id: "P7",
    figure,
    value,
    floor,
    unit: "µs",
    ratio: value / floor,
    spread: `${each.join("; ")}; the largest against itself ${control.ratio.toFixed(2)}`,
    target: `≤ ${target} × that of the smallest fleet`,
    met: !control.isNoisy && value / floor <= target,
    note: `median of ${values[0]?.length} rounds, the sizes in turns; the dearer one of the two larger. Floor: ${sizes[0]} hosts.${control.note}`,
  };
}
