/** P3: from the order of a prevention rule for all hosts to the last host's report that it is in effect being durable. */
import type { Owner } from "../../system-tests/src/programs.ts";
import { asOwner } from "./as-owner.ts";
import type { BenchRow } from "./bench-row.ts";
import { median, quantile } from "./distribution.ts";
import { startFloorFleet } from "./floor.ts";
import { controlOf } from "./noise.ts";
import { type FleetSize, fleetFor, newHashes } from "./prepared-fleet.ts";
import { cpuMsOf } from "./process-cost.ts";

const withinMs = 180_000;
const [floorTarget, deltaTarget] = [3, 2];

/** Each host's journal holds the long rule, in memory: with 10,000 hosts it would be 100 million rows. */
const mostHostsOfDelta = 500;

type Sizes = FleetSize & { rounds: number; manyHashes: number };
/** CPU time of the Central Node or of the bare server, and of the processes of the simulated agents. */
type Took = { ms: number; serverCpuMs: number; agentsCpuMs: number };

/** The floor's clients are in as many processes as the hosts. */
export async function p3({ hosts = 10_000, rounds = 7, manyHashes = 10_000, ...fleet }: Partial<Sizes> = {}) {
  const rows = await asOwner((owner) => measureRule(owner, { ...fleet, hosts, rounds }));
  const sizes = { ...fleet, hosts: Math.min(hosts, mostHostsOfDelta), rounds, manyHashes };
  return [...rows, ...(await asOwner((owner) => measureDelta(owner, sizes)))];
}

async function measureRule(owner: Owner, { hosts, rounds, ...fleet }: Omit<Sizes, "manyHashes">): Promise<BenchRow[]> {
  const { order, pem } = await connectFleet(owner, { ...fleet, hosts });
  const bare = await startFloorFleet(owner, { clients: hosts, pem });
  const broadcast = async (text: string): Promise<Took> => {
    const before = await bare.serverCpuMs();
    const ms = await bare.broadcast(text);
    return { ms, serverCpuMs: (await bare.serverCpuMs()) - before, agentsCpuMs: 0 };
  };
  const took: { ten: Took[]; floor: Took[]; floorAgain: Took[] } = { ten: [], floor: [], floorAgain: [] };
  // The first of each loads code and is not counted.
  for (let round = 0; round <= rounds; round += 1) {
    const hashes = newHashes(10);
    const text = JSON.stringify({ added: hashes.map((hash) => ({ hash, name: null })), removed: hashes });
    const floor = await broadcast(text);
    const ten = await order(hashes);
    const floorAgain = await broadcast(text);
    console.error(
      `P3: ${hosts} hosts, round ${round} of ${rounds}: ${ten.ms.toFixed(0)} ms, floor ${floor.ms.toFixed(0)} ms`,
    );
    if (round === 0) continue;
    took.ten.push(ten);
    took.floor.push(floor);
    took.floorAgain.push(floorAgain);
  }
  return toFloorRows(hosts, took);
}

async function measureDelta(owner: Owner, { hosts, rounds, manyHashes, ...fleet }: Sizes): Promise<BenchRow[]> {
  const { order } = await connectFleet(owner, { ...fleet, hosts });
  const took: { ten: Took[]; delta: Took[] } = { ten: [], delta: [] };
  for (let round = 0; round <= rounds; round += 1) {
    const ten = await order(newHashes(10));
    if (round > 0) took.ten.push(ten);
  }
  // Once, and not in turns with the short rule: that would hand out the long one anew each time.
  let many = newHashes(manyHashes);
  console.error(`P3: ${hosts} hosts take ${manyHashes} hashes: ${(await order(many)).ms.toFixed(0)} ms`);
  for (let round = 0; round <= rounds; round += 1) {
    many = [...many.slice(5), ...newHashes(5)];
    const delta = await order(many);
    if (round > 0) took.delta.push(delta);
  }
  return toDeltaRows(hosts, manyHashes, took);
}

async function connectFleet(owner: Owner, size: FleetSize) {
  const { central, fleet, ban, pem, connect } = await fleetFor(owner, size);
  await connect();
  return {
    pem,
    /** Until the rule of these hashes is in effect on the last host. */
    async order(hashes: string[]): Promise<Took> {
      const before = { server: cpuMsOf(central.pid()), agents: (await fleet.cpu()).cpuMs };
      const { leftMs, order } = await ban(hashes);
      const { lastMs } = await fleet.untilAcknowledged(order, withinMs);
      const agentsCpuMs = (await fleet.cpu()).cpuMs - before.agents;
      return { ms: lastMs - leftMs, serverCpuMs: cpuMsOf(central.pid()) - before.server, agentsCpuMs };
    },
  };
}

const spreadOf = (values: number[]) => `${quantile(values, 0.1).toFixed(0)} to ${quantile(values, 0.9).toFixed(0)}`;
const eachOf = (took: Took[], hosts: number) => took.map(({ serverCpuMs }) => (serverCpuMs / hosts) * 1000);
/** Who had the processors: agents have a machine of their own each, other than here. */
const sharesOf = (took: Took[]) => {
  const [server, agents] = [median(took.map((each) => each.serverCpuMs)), median(took.map((each) => each.agentsCpuMs))];
  return `CPU time: server ${server.toFixed(0)} ms, simulated agents ${agents.toFixed(0)} ms.`;
};

/** One figure: a series held against a floor, and the floor against itself, which says how far the run can be trusted. */
function rowOf(
  of: { figure: string; unit: string; target: number; targetOf: string; note: string },
  series: { value: number[]; floor: number[]; floorName: string; floorAgain?: number[] },
): BenchRow {
  const [value, floor] = [median(series.value), median(series.floor)];
  const control = controlOf(series.floor, series.floorAgain);
  return {
    id: "P3",
    figure: of.figure,
    value,
    floor,
    unit: of.unit,
    ratio: value / floor,
    spread: `${spreadOf(series.value)} (${series.floorName} ${spreadOf(series.floor)}, against itself ${control.ratio.toFixed(2)})`,
    target: `≤ ${of.target} × ${of.targetOf}`,
    met: !control.isNoisy && value / floor <= of.target,
    note: `${of.note}${control.note}`,
  };
}

const msOf = (took: Took[]) => took.map(({ ms }) => ms);

function toFloorRows(hosts: number, took: { ten: Took[]; floor: Took[]; floorAgain: Took[] }): BenchRow[] {
  const series = (of: (took: Took[]) => number[]) => {
    return { value: of(took.ten), floor: of(took.floor), floorName: "floor", floorAgain: of(took.floorAgain) };
  };
  const common = { target: floorTarget, targetOf: "floor" };
  return [
    rowOf(
      {
        ...common,
        figure: `rule of ten hashes for ${hosts} hosts, order to the last one's report durable, median`,
        unit: "ms",
        note: `${took.ten.length} orders. Floor: raw ws sends about the same bytes to as many clients over the same TLS, and each acknowledges. ${sharesOf(took.ten)}`,
      },
      series(msOf),
    ),
    rowOf(
      {
        ...common,
        figure: `rule of ten hashes for ${hosts} hosts: server CPU per host`,
        unit: "µs",
        note: "with its reports durable. Floor: that of the raw ws server.",
      },
      series((of) => eachOf(of, hosts)),
    ),
  ];
}

function toDeltaRows(hosts: number, manyHashes: number, took: { ten: Took[]; delta: Took[] }): BenchRow[] {
  const series = (of: (took: Took[]) => number[]) => {
    return { value: of(took.delta), floor: of(took.ten), floorName: "rule of ten" };
  };
  const common = { target: deltaTarget, targetOf: "a rule of ten" };
  return [
    rowOf(
      {
        ...common,
        figure: `ten changes in a rule of ${manyHashes} hashes for ${hosts} hosts, median`,
        unit: "ms",
        note: `five hashes go and five come. Floor: a rule of ten on the same hosts, before. ${sharesOf(took.delta)}`,
      },
      series(msOf),
    ),
    rowOf(
      {
        ...common,
        figure: `ten changes in a rule of ${manyHashes} hashes for ${hosts} hosts: server CPU per host`,
        unit: "µs",
        note: "the order's own work is in it.",
      },
      series((of) => eachOf(of, hosts)),
    ),
  ];
}
