/** P6: all agents are cut at once; until all are back and hold what was ordered meanwhile, and how the API fares in between. */
import { startProgram } from "../../system-tests/src/called-program.ts";
import { type Owner, thisMachine } from "../../system-tests/src/programs.ts";
import { asOwner } from "./as-owner.ts";
import type { BenchRow } from "./bench-row.ts";
import { median, quantile } from "./distribution.ts";
import { monotonicMs } from "./fleet/fleet-messages.ts";
import { startFloor } from "./floor.ts";
import { controlOf } from "./noise.ts";
import type { P6Calls } from "./p6-program.ts";
import { type FleetSize, fleetFor, newHashes } from "./prepared-fleet.ts";
import { cpuMsOf } from "./process-cost.ts";

const withinMs = 5 * 60_000;
const program = new URL("./p6-program.ts", import.meta.url).href;
const [timesFloor, apiMs] = [2, 250];
type Sizes = FleetSize & { rounds: number };

export function p6({ hosts = 10_000, rounds = 3, ...size }: Partial<Sizes> = {}): Promise<BenchRow[]> {
  return asOwner((owner) => measure(owner, { ...size, hosts, rounds }));
}

async function measure(owner: Owner, { hosts, rounds, ...size }: Sizes): Promise<BenchRow[]> {
  const { central, fleet, ban, pem, base, connect } = await fleetFor(owner, { ...size, hosts });
  await connect();
  // Each host's first rule has its journal prepare what it needs: that is no part of a storm.
  await fleet.untilAcknowledged((await ban(newHashes(10))).order, withinMs);
  const [floorServer, floorClients] = [startFloor(owner), startFloor(owner)];
  const port = await floorServer.ask("serveHandshakes", { pem });
  const shakeHands = () => floorClients.ask("shakeHands", { clients: hosts, port, pem });
  const probeUrl = `${central.api}${base}/sensors?sensor_id=${fleet.sensorIds()[0]}`;

  const took = { cut: [] as number[], floor: [] as number[], control: [] as number[] };
  const cpuMsEach = { server: [] as number[], agents: [] as number[] };
  const answers = { kept: [] as number[], fresh: [] as number[], failed: 0 };
  for (let round = 0; round < rounds; round += 1) {
    took.floor.push(await shakeHands());
    const probe = startProgram<P6Calls>(thisMachine, program);
    owner.after(() => probe.kill());
    await probe.ask("start", { url: probeUrl, pem });
    const before = { server: cpuMsOf(central.pid()), agents: (await fleet.cpu()).cpuMs };
    const cutMs = monotonicMs();
    await fleet.cut();
    // Its report comes only from a host that is back.
    const { order } = await ban(newHashes(10));
    took.cut.push((await fleet.untilAcknowledged(order, withinMs)).lastMs - cutMs);
    cpuMsEach.server.push((cpuMsOf(central.pid()) - before.server) / hosts);
    cpuMsEach.agents.push(((await fleet.cpu()).cpuMs - before.agents) / hosts);
    const { kept, fresh } = await probe.ask("stop", undefined);
    await probe.kill();
    answers.kept.push(...kept.ms);
    answers.fresh.push(...fresh.ms);
    answers.failed += kept.failed + fresh.failed;
    took.control.push(await shakeHands());
  }
  // The variant: the process dies. It counts from where it is ready again.
  await central.kill();
  await central.restart();
  const readyMs = monotonicMs();
  const { order } = await ban(newHashes(10));
  const afterKillMs = (await fleet.untilAcknowledged(order, withinMs)).lastMs - readyMs;

  const [floor, control] = [median(took.floor), controlOf(took.floor, took.control)];
  const spreadOf = (values: number[]) => `${Math.min(...values).toFixed(0)} to ${Math.max(...values).toFixed(0)}`;
  const floors = `floor ${spreadOf([...took.floor, ...took.control])}, against itself ${control.ratio.toFixed(2)}`;
  const time = (figure: string, value: number, spread: string, note: string): BenchRow => ({
    id: "P6",
    figure,
    value,
    floor,
    unit: "ms",
    ratio: value / floor,
    spread: `${spread} (${floors})`,
    target: `≤ ${timesFloor} × floor`,
    met: !control.isNoisy && value / floor <= timesFloor,
    note: `${note} Floor: as many handshakes with a bare TLS server, ${((hosts / floor) * 1000).toFixed(0)}/s.${control.note}`,
  });
  const api = (figure: string, values: number[]): BenchRow => ({
    id: "P6",
    figure,
    value: quantile(values, 0.99),
    floor: apiMs,
    unit: "ms",
    ratio: quantile(values, 0.99) / apiMs,
    spread: `median ${median(values).toFixed(1)}, longest ${Math.max(...values).toFixed(0)}`,
    target: `≤ ${apiMs} ms, none failed`,
    met: quantile(values, 0.99) <= apiMs && answers.failed === 0,
    note: `${values.length} requests, ${answers.failed} failed on either kind of connection. Floor: the target.`,
  });
  return [
    time(
      `${hosts} agents cut at once: until all are back and reconciled`,
      median(took.cut),
      spreadOf(took.cut),
      `${rounds} storms; an order given after the cut is in effect on each host. CPU time each: server ${median(cpuMsEach.server).toFixed(1)} ms, API's answers included, simulated agent ${median(cpuMsEach.agents).toFixed(1)} ms.`,
    ),
    api("Response API meanwhile, kept connections: p99", answers.kept),
    api("Response API meanwhile, a new connection each: p99", answers.fresh),
    time(
      `${hosts} agents after kill -9 of the Central Node, from its being ready`,
      afterKillMs,
      "one storm",
      "An order given after the restart is in effect on each host.",
    ),
  ];
}
