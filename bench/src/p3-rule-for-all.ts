/** P3: from the order of a prevention rule for all hosts to the last host's report that it is in effect being durable. */
import type { Owner } from "../../system-tests/src/programs.ts";
import type { BenchRow } from "./bench-row.ts";
import { median, quantile } from "./distribution.ts";
import { asOwner, newHashes, prepareFleet, startFloor } from "./prepared-fleet.ts";

const withinMs = 180_000;
const [floorTarget, deltaTarget] = [3, 2];

type Sizes = { hosts: number; rounds: number; manyHashes: number };

/** Enrolling takes the most of it. The floor's clients are in one process; the hosts in one for each 5,000. */
export function p3({ hosts = 10_000, rounds = 7, manyHashes = 10_000 }: Partial<Sizes> = {}): Promise<BenchRow[]> {
  return asOwner((owner) => measure(owner, { hosts, rounds, manyHashes }));
}

async function measure(owner: Owner, { hosts, rounds, manyHashes }: Sizes): Promise<BenchRow[]> {
  const { fleet, ban, pem } = await prepareFleet(owner, { hosts });
  await fleet.connect(withinMs);
  const [floorServer, floorClients] = [startFloor(owner), startFloor(owner)];
  await floorClients.ask("connect", { clients: hosts, port: await floorServer.ask("serve", { pem }), pem });

  /** Milliseconds until the rule of these hashes is in effect on the last host. */
  async function order(hashes: string[]): Promise<number> {
    const { leftMs, order } = await ban(hashes);
    return (await fleet.untilAcknowledged(order, withinMs)).lastMs - leftMs;
  }

  const took: { ten: number[]; floor: number[]; floorAgain: number[]; delta: number[] } = {
    ten: [],
    floor: [],
    floorAgain: [],
    delta: [],
  };
  let many = newHashes(manyHashes);
  // The first of each loads code and is not counted.
  for (let round = 0; round <= rounds; round += 1) {
    const hashes = newHashes(10);
    const ten = await order(hashes);
    const text = JSON.stringify({ added: hashes.map((hash) => ({ hash, name: null })), removed: hashes });
    const floor = await floorServer.ask("broadcast", { text });
    await order(many);
    many = [...many.slice(5), ...newHashes(5)];
    const delta = await order(many);
    const floorAgain = await floorServer.ask("broadcast", { text });
    if (round === 0) continue;
    took.ten.push(ten);
    took.floor.push(floor);
    took.floorAgain.push(floorAgain);
    took.delta.push(delta);
  }
  return [toFloorRow(hosts, took), toDeltaRow(hosts, manyHashes, took)];
}

const spreadOf = (values: number[]) => `${quantile(values, 0.1).toFixed(0)} to ${quantile(values, 0.9).toFixed(0)}`;

function toFloorRow(hosts: number, took: { ten: number[]; floor: number[]; floorAgain: number[] }): BenchRow {
  const [value, floor] = [median(took.ten), median(took.floor)];
  const ratio = value / floor;
  // The floor against itself: on a quiet machine it comes out near 1, and else this run says nothing.
  const control = median(took.floorAgain) / floor;
  const isNoisy = control < 0.8 || control > 1.25;
  return {
    id: "P3",
    figure: `rule of ten hashes for ${hosts} hosts, order to the last one's report durable, median`,
    value,
    floor,
    unit: "ms",
    ratio,
    spread: `${spreadOf(took.ten)} (floor ${spreadOf(took.floor)}, against itself ${control.toFixed(2)})`,
    target: `≤ ${floorTarget} × floor`,
    met: !isNoisy && ratio <= floorTarget,
    note: `${took.ten.length} orders. Floor: raw ws sends about the same bytes to as many clients over the same TLS, and each acknowledges.${isNoisy ? " Too noisy a run: counts as missed." : ""}`,
  };
}

function toDeltaRow(hosts: number, manyHashes: number, took: { ten: number[]; delta: number[] }): BenchRow {
  const [value, floor] = [median(took.delta), median(took.ten)];
  return {
    id: "P3",
    figure: `ten changes in a rule of ${manyHashes} hashes for ${hosts} hosts, median`,
    value,
    floor,
    unit: "ms",
    ratio: value / floor,
    spread: `${spreadOf(took.delta)} (rule of ten ${spreadOf(took.ten)})`,
    target: `≤ ${deltaTarget} × a rule of ten`,
    met: value / floor <= deltaTarget,
    note: "five hashes go and five come; in turns with the rule of ten",
  };
}
