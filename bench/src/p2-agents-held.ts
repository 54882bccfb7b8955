/** P2: agents that one Central Node process holds with the embedded database, and what they cost it while nothing happens. */
import { setTimeout as waitMs } from "node:timers/promises";
import { createExternalSystem } from "../../system-tests/src/external-system.ts";
import type { Owner } from "../../system-tests/src/programs.ts";
import { asOwner } from "./as-owner.ts";
import type { BenchRow } from "./bench-row.ts";
import { quantile } from "./distribution.ts";
import { startFloorFleet } from "./floor.ts";
import { type FleetSize, fleetFor } from "./prepared-fleet.ts";
import { cpuMsOf, hostsThatFit, residentBytesOf } from "./process-cost.ts";

const progressMs = 30_000;
const [targetHosts, targetKilobytes, targetShare] = [20_000, 64, 0.25];
const peers =
  "Peers, by their documents: KATA 15,000 hosts on 32 cores and 192 GB, MeshCentral 14,000 on 2 cores and 4 GB";

type Sizes = FleetSize & { minutes: number };

/** `minutes`: how long they are held, once all are connected. */
export async function p2({ hosts = targetHosts, minutes = 10, ...fleet }: Partial<Sizes> = {}) {
  const fitting = hostsThatFit(hosts);
  // Before the others are there: what both take at once is no part of the figure.
  const floorBytes = await asOwner((owner) => measureFloor(owner, fitting));
  return asOwner((owner) => measure(owner, { ...fleet, hosts: fitting, wanted: hosts, minutes, floorBytes }));
}

async function measureFloor(owner: Owner, clients: number): Promise<number> {
  console.error(`P2: ${clients} raw clients of a bare server`);
  const pem = createExternalSystem(owner, { inOneFile: true }).curlFlags[1] ?? "";
  return (await startFloorFleet(owner, { clients, pem })).residentBytesEach();
}

async function measure(
  owner: Owner,
  { hosts, wanted, minutes, floorBytes, ...size }: Sizes & { wanted: number; floorBytes: number },
): Promise<BenchRow[]> {
  const { central, fleet, connect } = await fleetFor(owner, { ...size, hosts }, ["--agent-heartbeat-sec", "30"]);
  const emptyBytes = residentBytesOf(central.pid());
  const connectingMs = performance.now();
  await connect();
  const connectSec = (performance.now() - connectingMs) / 1000;
  const connectedBytes = residentBytesOf(central.pid());
  const [startedMs, startedCpuMs] = [performance.now(), cpuMsOf(central.pid())];
  const endMs = startedMs + minutes * 60_000;
  let fewest = hosts;
  const shares: number[] = [];
  let [lastMs, lastCpuMs] = [startedMs, startedCpuMs];
  while (performance.now() < endMs) {
    await waitMs(Math.min(progressMs, Math.max(0, endMs - performance.now())));
    const { connected } = await fleet.counts();
    fewest = Math.min(fewest, connected);
    const [nowMs, nowCpuMs] = [performance.now(), cpuMsOf(central.pid())];
    shares.push((nowCpuMs - lastCpuMs) / (nowMs - lastMs));
    [lastMs, lastCpuMs] = [nowMs, nowCpuMs];
    console.error(`P2: ${connected} of ${hosts} connected, ${Math.round((endMs - nowMs) / 1000)} s to go`);
  }
  const share = (lastCpuMs - startedCpuMs) / (lastMs - startedMs);
  const { disconnects } = await fleet.counts();
  const endBytes = residentBytesOf(central.pid());

  const kilobytes = (bytes: number) => (bytes - emptyBytes) / hosts / 1024;
  const most = Math.max(kilobytes(connectedBytes), kilobytes(endBytes));
  const limited = hosts < wanted ? " (this machine's hard limit of open files)" : "";
  const tooFew =
    hosts < targetHosts
      ? ` Only ${hosts} hosts${limited}: the target is for ${targetHosts}, and counts as missed.`
      : "";
  const row = (figure: string, value: number, target: number, unit: string) => ({
    id: "P2",
    figure,
    value,
    floor: target,
    unit,
    ratio: value / target,
  });
  return [
    {
      ...row(`agents held for ${minutes} min`, fewest, targetHosts, "agents"),
      spread: `fewest seen ${fewest}; ${disconnects} disconnects`,
      target: `${targetHosts}, no disconnect`,
      met: fewest >= targetHosts && disconnects === 0,
      note: `one process, embedded database, simulator beside it; all connected within ${connectSec.toFixed(0)} s. Floor: the target. ${peers}.${tooFew}`,
    },
    {
      ...row("server memory for each agent", most, floorBytes / 1024, "KiB"),
      spread: `${kilobytes(connectedBytes).toFixed(1)} when connected, ${kilobytes(endBytes).toFixed(1)} in the end`,
      target: `≤ ${targetKilobytes} KiB`,
      met: most <= targetKilobytes && tooFew === "",
      note: `resident memory above that of the same process without agents, ${(emptyBytes / 2 ** 20).toFixed(0)} MiB. Floor: a bare https and ws server with as many raw clients.${tooFew}`,
    },
    {
      ...row("server CPU with heartbeats alone", share, targetShare, "cores"),
      spread: `each half minute ${Math.min(...shares).toFixed(2)} to ${Math.max(...shares).toFixed(2)}, median ${quantile(shares, 0.5).toFixed(2)}`,
      target: `≤ ${targetShare} of a core`,
      met: share <= targetShare && tooFew === "",
      note: `a ping from each agent every 30 s. Floor: the target.${tooFew}`,
    },
  ];
}
