/** One chaos run: orders all the while, faults at random, and in the end the verdict. */
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { createFolder, type Owner } from "../../../system-tests/src/programs.ts";
import { createScaleOutLab } from "../../../system-tests/src/scale-out-lab.ts";
import { monotonicMs } from "../fleet/fleet-messages.ts";
import { startAgents } from "./chaos-agents.ts";
import { createSoar } from "./chaos-client.ts";
import { startFastClock } from "./chaos-clock.ts";
import { createFaults } from "./chaos-faults.ts";
import type { History } from "./chaos-history.ts";
import { longestFaultMs, planChaos } from "./chaos-plan.ts";
import { readAudit, readSettings, readWhenSettled } from "./chaos-reads.ts";
import type { Violation } from "./chaos-rules.ts";
import { judge } from "./chaos-verdict.ts";

export type ChaosOptions = {
  seed: number;
  durationMs: number;
  hosts: number;
  nodes: number;
  ordersPerSec: number;
  /** How many times as fast as the machine's the clocks of Central Nodes and hosts run. */
  speed: number;
  /** How long what is pending may take once the last fault is healed. */
  settleWithinMs: number;
};
export type ChaosRun = {
  history: History;
  violations: Violation[];
  startMs: number;
  unavailableMs: number;
  settledMs: number;
  /** What each Central Node logged. */
  logs: string[];
  /** Journals, logs and events of the agents; it goes with the run's owner. */
  agentsFolder: string;
};

const nodeMain = fileURLToPath(new URL("./chaos-central-node.ts", import.meta.url));
/** Processes that hold the agents. */
const agentsProcesses = 3;
/** Beside the longest fault: what a loaded machine takes to let an order through. */
const graceMs = 10_000;
const progressEveryMs = 1000;

export async function runChaos(
  outer: Owner,
  options: ChaosOptions,
  onProgress: (line: string) => void,
): Promise<ChaosRun> {
  const { seed, durationMs, hosts, nodes: nodeCount } = options;
  // Whatever the order in which the owner cleans up: the agents must be gone before their folders are.
  const cleanUps: (() => Promise<void> | void)[] = [];
  outer.after(async () => {
    for (const cleanUp of cleanUps) await cleanUp();
  });
  const owner: Owner = { after: (cleanUp) => void cleanUps.unshift(cleanUp) };
  onProgress("PostgreSQL, the Central Nodes and haproxy start");
  const clock = startFastClock(options.speed);
  const lab = await createScaleOutLab(owner, { nodeCount, main: [nodeMain, "--clock", JSON.stringify(clock)] });
  const { nodes, balancer, client } = lab;
  const folder = createFolder(owner, "chaos");
  const [node] = nodes;
  if (node === undefined) throw new Error("there is no Central Node");
  const { token } = await node.admin<{ token: string }>("join-token", "create", "--uses", String(hosts));
  // Through the balancer, and straight to each node.
  const servers = [balancer.api, ...nodes.map(({ api }) => api)].map((url) => new URL(url).host);
  onProgress(`${hosts} hosts enrol`);
  const agents = await Promise.all(
    Array.from({ length: agentsProcesses }, (_, index) => {
      const share = Math.floor(hosts / agentsProcesses) + (index < hosts % agentsProcesses ? 1 : 0);
      return startAgents(owner, {
        folder: join(folder, `agents-${index}`),
        agents: index,
        hosts: share,
        servers,
        token,
        clock,
      });
    }),
  );
  const sensorIds = agents.flatMap((each) => each.sensorIds);
  const plan = planChaos(seed, { ...options, sensorIds, nodes: nodeCount, agents: agentsProcesses });
  const soar = createSoar(client);
  const { faults, underWay, carryOutAll } = createFaults(lab, agents);

  const startMs = monotonicMs();
  const overAfter = AbortSignal.timeout(durationMs);
  const answered = new AbortController();
  const lines = setInterval(() => {
    const seconds = Math.round((monotonicMs() - startMs) / 1000);
    const now = underWay().join(", ") || "none";
    onProgress(`${seconds} s, ${soar.given.length} orders (${soar.open()} open), ${faults.length} faults, now: ${now}`);
  }, progressEveryMs);
  let unavailableMs = 0;
  try {
    const probing = soar.probe(sensorIds[0] ?? "", overAfter);
    const giving = soar.giveAll(plan.orders, startMs, answered.signal);
    await carryOutAll(plan.faults, startMs, overAfter);
    unavailableMs = await probing;
    // Whoever is still without an answer gets one now, or something is wrong.
    const patience = wait(options.settleWithinMs, null, { signal: answered.signal }).catch(() => {});
    await Promise.race([giving, patience]);
    answered.abort();
    await giving;
  } finally {
    answered.abort();
    clearInterval(lines);
  }
  const healedMs = monotonicMs();
  const { fromMs, ...reads } = await readWhenSettled(lab, agents, soar.given, {
    withinMs: options.settleWithinMs,
    onLook: (open) => onProgress(`the faults are over: ${open}`),
  });
  const settledMs = fromMs - healedMs;
  const settings = await readSettings(lab, soar.given);
  const history: History = {
    sensorIds,
    orders: soar.given,
    faults,
    events: agents.flatMap((each) => each.events()).sort((one, other) => one.ms - other.ms),
    ...reads,
    settings,
    read: { fromMs, toMs: monotonicMs() },
    audit: await readAudit(lab),
  };
  const violations = judge(history, { graceMs: longestFaultMs + graceMs, speed: options.speed });
  const logs = nodes.map(({ log }) => log());
  return { history, violations, startMs, unavailableMs, settledMs, logs, agentsFolder: folder };
}
