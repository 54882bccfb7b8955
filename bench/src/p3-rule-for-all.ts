/** P3: from the order of a prevention rule for all hosts to the last host's report that it is in effect being durable. */
import { randomBytes } from "node:crypto";
import { createExternalSystem, curlAs } from "../../system-tests/src/external-system.ts";
import { startProgram } from "../../system-tests/src/network-isolation-program.ts";
import { type Owner, startCentralNode, thisMachine } from "../../system-tests/src/programs.ts";
import type { BenchRow } from "./bench-row.ts";
import { median, quantile } from "./distribution.ts";
import type { P1Calls } from "./p1-program.ts";
import type { P3Calls } from "./p3-program.ts";

const client = new URL("./p1-program.ts", import.meta.url).href;
const program = new URL("./p3-program.ts", import.meta.url).href;
const [floorTarget, deltaTarget] = [3, 2];

type Sizes = { hosts: number; rounds: number; manyHashes: number };

/** Enrolling takes the most of it. The hosts all run in one process, and so do the floor's clients. */
export async function p3({
  hosts = 10_000,
  rounds = 7,
  manyHashes = 10_000,
}: Partial<Sizes> = {}): Promise<BenchRow[]> {
  const cleanUps: (() => Promise<void> | void)[] = [];
  const owner: Owner = { after: (cleanUp) => void cleanUps.unshift(cleanUp) };
  try {
    return await measure(owner, { hosts, rounds, manyHashes });
  } finally {
    for (const cleanUp of cleanUps) await cleanUp();
  }
}

async function measure(owner: Owner, { hosts, rounds, manyHashes }: Sizes): Promise<BenchRow[]> {
  const central = await startCentralNode(owner);
  const system = createExternalSystem(owner, { inOneFile: true });
  const pem = system.curlFlags[1] ?? "";
  await curlAs(system, central).get("sensors");
  await central.acceptSystem(system);
  const { token } = await central.admin<{ token: string }>("join-token", "create", "--uses", String(hosts));
  const fleet = startProgram<P3Calls>(thisMachine, program);
  owner.after(() => fleet.kill());
  await fleet.ask("startAgents", { hosts, server: new URL(central.api).host, token });
  const soar = startProgram<P1Calls>(thisMachine, client);
  owner.after(() => soar.kill());
  await soar.ask("connect", { url: central.api, pem });
  const floorServer = startProgram<P3Calls>(thisMachine, program);
  owner.after(() => floorServer.kill());
  const floorClients = startProgram<P3Calls>(thisMachine, program);
  owner.after(() => floorClients.kill());
  await floorClients.ask("connectFloor", { clients: hosts, port: await floorServer.ask("serveFloor", { pem }), pem });

  let generation = 0;
  /** Milliseconds until the rule of these hashes is in effect on the last host. */
  async function order(hashes: string[]): Promise<number> {
    const path = `/kata/response_api/v1/${system.id}/settings?sensor_id=all&settings_type=prevention`;
    const body = { settings: { objects: hashes.map((sha256) => ({ file: { sha256 } })) } };
    const leftMs = await soar.ask("send", { method: "POST", path, body });
    generation += 1;
    return (await fleet.ask("lastAcknowledged", { generation })) - leftMs;
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

const newHashes = (count: number) => Array.from({ length: count }, () => randomBytes(32).toString("hex"));
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
