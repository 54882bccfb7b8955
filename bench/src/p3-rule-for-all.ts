/** P3: from the order of a prevention rule for all hosts to the last host's report that it is in effect being durable. */
import type { Owner } from "../../system-tests/src/programs.ts";
import { asOwner } from "./as-owner.ts";
import type { BenchRow } from "./bench-row.ts";
import { median, quantile } from "./distribution.ts";
import { startFloorFleet } from "./floor.ts";
import { controlOf } from "./noise.ts";
import { type FleetSize, fleetFor, newHashes } from "./prepared-fleet.ts";

const withinMs = 180_000;
const [floorTarget, deltaTarget] = [3, 2];

/** Each host's journal holds the long rule, in memory: with 10,000 hosts it would be 100 million rows. */
const mostHostsOfDelta = 500;

type Sizes = FleetSize & { rounds: number; manyHashes: number };

/** The floor's clients are in as many processes as the hosts. */
export async function p3({ hosts = 10_000, rounds = 7, manyHashes = 10_000, ...fleet }: Partial<Sizes> = {}) {
  const row = await asOwner((owner) => measureRule(owner, { ...fleet, hosts, rounds }));
  const sizes = { ...fleet, hosts: Math.min(hosts, mostHostsOfDelta), rounds, manyHashes };
  return [row, await asOwner((owner) => measureDelta(owner, sizes))];
}

async function measureRule(owner: Owner, { hosts, rounds, ...fleet }: Omit<Sizes, "manyHashes">): Promise<BenchRow> {
  const { order, pem } = await connectFleet(owner, { ...fleet, hosts });
  const bare = await startFloorFleet(owner, { clients: hosts, pem });
  const took: { ten: number[]; floor: number[]; floorAgain: number[] } = { ten: [], floor: [], floorAgain: [] };
  // The first of each loads code and is not counted.
  for (let round = 0; round <= rounds; round += 1) {
    const hashes = newHashes(10);
    const text = JSON.stringify({ added: hashes.map((hash) => ({ hash, name: null })), removed: hashes });
    const floor = await bare.broadcast(text);
    const ten = await order(hashes);
    const floorAgain = await bare.broadcast(text);
    console.error(
      `P3: ${hosts} hosts, round ${round} of ${rounds}: ${ten.toFixed(0)} ms, floor ${floor.toFixed(0)} ms`,
    );
    if (round === 0) continue;
    took.ten.push(ten);
    took.floor.push(floor);
    took.floorAgain.push(floorAgain);
  }
  return toFloorRow(hosts, took);
}

async function measureDelta(owner: Owner, { hosts, rounds, manyHashes, ...fleet }: Sizes): Promise<BenchRow> {
  const { order } = await connectFleet(owner, { ...fleet, hosts });
  const took: { ten: number[]; delta: number[] } = { ten: [], delta: [] };
  for (let round = 0; round <= rounds; round += 1) {
    const ten = await order(newHashes(10));
    if (round > 0) took.ten.push(ten);
  }
  // Once, and not in turns with the short rule: that would hand out the long one anew each time.
  let many = newHashes(manyHashes);
  console.error(`P3: ${hosts} hosts take ${manyHashes} hashes: ${(await order(many)).toFixed(0)} ms`);
  for (let round = 0; round <= rounds; round += 1) {
    many = [...many.slice(5), ...newHashes(5)];
    const delta = await order(many);
    if (round > 0) took.delta.push(delta);
  }
  return toDeltaRow(hosts, manyHashes, took);
}

async function connectFleet(owner: Owner, size: FleetSize) {
  const { fleet, ban, pem, connect } = await fleetFor(owner, size);
  await connect();
  return {
    pem,
    /** Milliseconds until the rule of these hashes is in effect on the last host. */
    async order(hashes: string[]): Promise<number> {
      const { leftMs, order } = await ban(hashes);
      return (await fleet.untilAcknowledged(order, withinMs)).lastMs - leftMs;
    },
  };
}

const spreadOf = (values: number[]) => `${quantile(values, 0.1).toFixed(0)} to ${quantile(values, 0.9).toFixed(0)}`;

function toFloorRow(hosts: number, took: { ten: number[]; floor: number[]; floorAgain: number[] }): BenchRow {
  const [value, floor] = [median(took.ten), median(took.floor)];
  const ratio = value / floor;
  const control = controlOf(took.floor, took.floorAgain);
  return {
    id: "P3",
    figure: `rule of ten hashes for ${hosts} hosts, order to the last one's report durable, median`,
    value,
    floor,
    unit: "ms",
    ratio,
    spread: `${spreadOf(took.ten)} (floor ${spreadOf(took.floor)}, against itself ${control.ratio.toFixed(2)})`,
    target: `≤ ${floorTarget} × floor`,
    met: !control.isNoisy && ratio <= floorTarget,
    note: `${took.ten.length} orders. Floor: raw ws sends about the same bytes to as many clients over the same TLS, and each acknowledges.${control.note}`,
  };
}

function toDeltaRow(hosts: number, manyHashes: number, took: { ten: number[]; delta: number[] }): BenchRow {
  const [value, floor, control] = [median(took.delta), median(took.ten), controlOf(took.ten)];
  return {
    id: "P3",
    figure: `ten changes in a rule of ${manyHashes} hashes for ${hosts} hosts, median`,
    value,
    floor,
    unit: "ms",
    ratio: value / floor,
    spread: `${spreadOf(took.delta)} (rule of ten ${spreadOf(took.ten)}, against itself ${control.ratio.toFixed(2)})`,
    target: `≤ ${deltaTarget} × a rule of ten`,
    met: !control.isNoisy && value / floor <= deltaTarget,
    note: `five hashes go and five come. Floor: a rule of ten on the same hosts, before.${control.note}`,
  };
}
