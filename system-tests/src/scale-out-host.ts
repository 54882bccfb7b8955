/** Real agents inside the test's own process, behind one address: their journal is memory, and so is what they enforce. */
import { parseJoinToken } from "@cordon/contract";
import {
  allowAll,
  createAgent,
  createHostClock,
  createMemoryJournal,
  type Enforcers,
  enrol,
} from "@cordon/endpoint-agent";
import { until } from "./namespaces.ts";

export type ScaleOutHost = Awaited<ReturnType<typeof enrolHostAt>>;

const clock = createHostClock();
const silentLog = { debug() {}, info() {}, warn() {}, error() {} };
const printed = { stdout: "", stderr: "", stdoutTruncated: false, stderrTruncated: false };

/** `server` is HOST:PORT, of a balancer or of one Central Node. It is started, and connects by itself. */
export async function enrolHostAt({ server, token, name }: { server: string; token: string; name: string }) {
  const facts = (towards: string | null) => ({
    hostName: name,
    ipAddresses: [towards ?? "127.0.0.1"],
    osFamily: "linux" as const,
    osName: "simulated",
    agentVersion: "0.1.0",
  });
  const identity = await enrol({
    server,
    token: parseJoinToken(token),
    facts: (towards) => ({ ...facts(towards), capabilities: [] }),
  });
  const { hostname, port } = new URL(`https://${server}`);
  const memory = { isolatedForSec: null as number | null, isolations: [] as number[], runs: new Map<string, number>() };
  const agent = createAgent({
    sensorId: identity.sensorId,
    journal: createMemoryJournal(),
    enforcers: enforcersOf(memory),
    identity: () => identity,
    addresses: { targets: async () => [{ address: hostname, port: Number(port) }] },
    facts,
    policy: allowAll,
    clock,
    log: silentLog,
  });
  await agent.start();

  return {
    sensorId: identity.sensorId,
    agent,
    isConnected: () => agent.link.state() === "connected",
    wasRemoved: () => agent.link.state() === "removed",
    /** The seconds of each isolation that was put into force, in that order. */
    isolations: (): readonly number[] => memory.isolations,
    /** How often each of its programs was started. */
    runs: () => [...memory.runs.values()],
    untilIsolatedFor: (seconds: number, withinMs = 15_000) =>
      until(`${name} is isolated for ${seconds} s`, () => memory.isolatedForSec === seconds, withinMs),
    close: () => agent.close(),
  };
}

function enforcersOf(memory: {
  isolatedForSec: number | null;
  isolations: number[];
  runs: Map<string, number>;
}): Enforcers {
  const effect = (remainingSec: number | null) =>
    memory.isolatedForSec === null
      ? ({ state: "lifted" } as const)
      : ({ state: "in-effect", detail: "remembered", remainingSec } as const);
  return {
    "network-isolation": {
      ability: async () => ({ able: true }),
      async enforce({ wish, remainingSec }) {
        memory.isolatedForSec = wish?.autoTurnoffTimeoutInSec ?? null;
        if (memory.isolatedForSec !== null) memory.isolations.push(memory.isolatedForSec);
        return effect(remainingSec);
      },
      readBack: async () => effect(1),
      close: async () => {},
    },
    "run-process": {
      ability: async () => ({ able: true }),
      async run({ parameters, onStarted }) {
        const line = JSON.stringify(parameters);
        memory.runs.set(line, (memory.runs.get(line) ?? 0) + 1);
        onStarted({ pid: 100, startTicks: "1", bootId: clock.bootId });
        return { state: "completed", exitCode: 0, ...printed };
      },
      terminateLeftover: async () => false,
    },
  };
}
