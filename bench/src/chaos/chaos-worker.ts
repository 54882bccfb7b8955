/** A process of agents, which a chaos run kills, pauses and starts again on the same folder. */
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { parseJoinToken } from "@cordon/contract";
import { enrol, type Identity, type Logger, readIdentity, writeIdentity } from "@cordon/endpoint-agent";
import { createFastHostClock } from "./chaos-clock.ts";
import { type ChaosHost, createChaosHost } from "./chaos-host.ts";
import { openKernels } from "./chaos-kernels.ts";
import { type Answered, type Answers, type Asked, type Call, eventsFile, type WorkerSetUp } from "./chaos-messages.ts";

let hosts: ChaosHost[] = [];

process.on("message", ({ number, call }: Asked) => {
  answer(call).then(
    (value) => process.send?.({ number, answer: value } satisfies Answered),
    (error: Error) => process.send?.({ number, error: error.stack ?? error.message } satisfies Answered),
  );
});
process.on("disconnect", () => process.exit(0));
// Ctrl-C reaches the whole group; the run ends its processes in good order.
process.on("SIGINT", () => {});

async function answer(call: Call): Promise<Answers[Call["what"]]> {
  switch (call.what) {
    case "set-up":
      return start(call.setUp);
    case "cut":
      for (const host of hosts) host.cut();
      return null;
    case "memory":
      return hosts.map((host) => host.memory());
  }
}

async function start(setUp: WorkerSetUp) {
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
      facts: (towards) => ({
        hostName,
        ipAddresses: [towards ?? "127.0.0.1"],
        osFamily: "linux",
        osName: "simulated",
        agentVersion: "0.1.0",
        capabilities: [],
      }),
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
