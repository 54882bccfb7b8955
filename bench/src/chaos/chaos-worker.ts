/** A process of agents, which a chaos run kills, pauses and starts again on the same folder. */
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { parseJoinToken } from "@cordon/contract";
import { enrol, type Identity, type Logger, readIdentity, writeIdentity } from "@cordon/endpoint-agent";
import { serveCalls } from "../../../system-tests/src/called-program.ts";
import { simulatedFacts } from "../fleet/simulated-facts.ts";
import { createFastHostClock } from "./chaos-clock.ts";
import type { HostMemory } from "./chaos-history.ts";
import { type ChaosHost, createChaosHost } from "./chaos-host.ts";
import { openKernels } from "./chaos-kernels.ts";
import { eventsFile, type WorkerSetUp } from "./chaos-set-up.ts";

let hosts: ChaosHost[] = [];

const calls = {
  /** Enrols the hosts that are not yet, and starts their agents; their sensor IDs. */
  setUp: start,
  async cut(_: undefined): Promise<void> {
    for (const host of hosts) host.cut();
  },
  async memory(_: undefined): Promise<HostMemory[]> {
    return hosts.map((host) => host.memory());
  },
};
export type AgentsCalls = typeof calls;

// Ctrl-C reaches the whole group; the run ends its processes in good order.
process.on("SIGINT", () => {});
serveCalls(calls);

async function start(setUp: WorkerSetUp): Promise<string[]> {
  const { folder, agents, servers, token } = setUp;
  const clock = createFastHostClock(setUp.clock);
  const targets = servers.map((server) => {
    const { hostname, port } = new URL(`https://${server}`);
    return { address: hostname, port: Number(port) };
  });
  const enrolAt = async (server: string, hostName: string): Promise<Identity> =>
    enrol({
      server,
      token: parseJoinToken(token),
      facts: (towards) => simulatedFacts(hostName, towards),
    });
  const kernelOf = openKernels(join(folder, eventsFile), { process: setUp.process, speed: setUp.clock.speed });
  hosts = [];
  const ids: string[] = [];
  for (let at = 0; at < setUp.hosts; at++) {
    const hostName = `chaos-${agents}-${at}`;
    const own = join(folder, `host-${at}`);
    let identity = readIdentity(own);
    if (identity === null) {
      identity = await enrolAt(servers[at % servers.length] ?? "", hostName);
      writeIdentity(own, identity);
    }
    const turn = at % targets.length;
    const from = [...targets.slice(turn), ...targets.slice(0, turn)];
    const kernel = kernelOf(identity.sensorId);
    const log = logTo(join(own, "log"));
    hosts.push(createChaosHost({ identity, folder: own, targets: from, hostName, agents, kernel, clock, log }));
    ids.push(identity.sensorId);
  }
  for (const host of hosts) await host.start();
  return ids;
}

function logTo(file: string): Logger {
  const write = (level: string) => (fields: object, text: string) => {
    const { error } = fields as { error?: Error };
    const more = error === undefined ? fields : { ...fields, error: String(error.stack ?? error) };
    appendFileSync(file, `${new Date().toISOString()} ${process.pid} ${level} ${text} ${JSON.stringify(more)}\n`);
  };
  return { debug() {}, info: write("info"), warn: write("warn"), error: write("error") };
}
