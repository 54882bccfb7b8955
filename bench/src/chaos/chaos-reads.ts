/** What the Central Nodes say and the hosts hold once the faults are over. */
import { setTimeout as wait } from "node:timers/promises";
import { runProgram, serverMain, thisMachine } from "../../../system-tests/src/programs.ts";
import { monotonicMs } from "../fleet/fleet-messages.ts";
import type { Agents } from "./chaos-agents.ts";
import type { Lab } from "./chaos-faults.ts";
import {
  type Action,
  type AuditEntry,
  actionOf,
  contentOfHashes,
  type GivenOrder,
  type History,
  type HostRead,
  type SettingRead,
  type TaskRead,
} from "./chaos-history.ts";

const pollMs = 500;
const atOnce = 16;
const ends = ["completed", "failed", "cancelled"];

type Reads = Pick<History, "memory" | "hosts" | "tasks"> & { fromMs: number };

/** Looks until nothing is pending any more, and at the latest until `withinMs` is over; then whatever there is is the answer. */
export async function readWhenSettled(
  lab: Lab,
  agents: readonly Agents[],
  orders: readonly GivenOrder[],
  { withinMs, onLook }: { withinMs: number; onLook(open: string): void },
): Promise<Reads> {
  const endMs = monotonicMs() + withinMs;
  const ended = new Map<string, TaskRead>();
  const taskIds = orders.flatMap(({ order }) => (order.kind === "run" ? [order.taskId] : []));
  for (;;) {
    const fromMs = monotonicMs();
    const memory = (await Promise.all(agents.map((each) => each.memory()))).flat();
    const hosts = await readHosts(lab).catch(() => []);
    const open = taskIds.filter((taskId) => !ended.has(taskId));
    const reads = (await inParallel(open, (taskId) => readTask(lab, taskId).catch(() => null))).filter(
      (read) => read !== null,
    );
    for (const read of reads) if (read.state === null || ends.includes(read.state)) ended.set(read.taskId, read);
    const away = memory.filter(({ link }) => link !== "connected").length;
    const pending = hosts.flatMap(({ settings }) => settings).filter(({ state }) => state === "pending").length;
    const running = taskIds.length - ended.size;
    const isSettled = away + pending + running === 0 && hosts.length === memory.length;
    if (isSettled || monotonicMs() > endMs) {
      const tasks = [...ended.values(), ...reads.filter(({ taskId }) => !ended.has(taskId))];
      return { memory, hosts, tasks, fromMs };
    }
    onLook(`${away} hosts away, ${pending} settings and ${running} tasks open`);
    await wait(pollMs);
  }
}

async function readHosts({ client }: Lab): Promise<HostRead[]> {
  const { status, body } = await client.send("GET", "/sensors");
  if (status !== 200) throw new Error(`the list of hosts was answered ${status}`);
  const { sensors } = body as {
    sensors: { sensorId: string; settingStates: ({ type: string } & HostRead["settings"][number])[] }[];
  };
  return sensors.map(({ sensorId, settingStates }) => ({
    sensorId,
    settings: settingStates.map(({ type, scope, state, orderedGeneration, reportedGeneration }) => {
      return { action: type.replace("_", "-"), scope, state, orderedGeneration, reportedGeneration };
    }),
  }));
}

async function readTask({ client }: Lab, taskId: string): Promise<TaskRead> {
  const { status, body } = await client.send("GET", `/tasks/${taskId}`);
  if (status === 404) return { taskId, state: null, sensorId: null, error: null };
  if (status !== 200) throw new Error(`task ${taskId} was answered ${status}`);
  const { state, sensorId, error } = body as { state: string; sensorId: string; error?: string };
  return { taskId, state, sensorId, error: error ?? null };
}

/** What is in force, of each setting that was ever ordered. */
export async function readSettings({ client }: Lab, orders: readonly GivenOrder[]): Promise<SettingRead[]> {
  const named = new Map<string, { target: string; action: Action }>();
  for (const { order } of orders) {
    const action = actionOf(order);
    if (action !== "run-process") named.set(`${action} ${order.target}`, { target: order.target, action });
  }
  return inParallel([...named.values()], async ({ target, action }) => {
    const type = action.replace("-", "_");
    const { status, body } = await client.send("GET", `/settings?sensor_id=${target}&settings_type=${type}`);
    if (status === 404) return { target, action, content: null };
    // A content that nobody ordered, so that the verdict names it.
    if (status !== 200) return { target, action, content: `answered ${status}` };
    const { settings } = body as {
      settings: { autoTurnoffTimeoutInSec?: number; objects?: { file: { sha256: string } }[] };
    };
    const hashes = settings.objects?.map(({ file }) => file.sha256) ?? [];
    const banned = hashes.length === 0 ? null : contentOfHashes(hashes);
    return { target, action, content: action === "prevention" ? banned : String(settings.autoTurnoffTimeoutInSec) };
  });
}

export async function readAudit({ nodes: [node] }: Lab): Promise<History["audit"]> {
  if (node === undefined) throw new Error("there is no Central Node");
  const where = ["--data-dir", node.dataDir];
  const verified = await runProgram(thisMachine, serverMain, ["audit", "verify", "--json", ...where]);
  const { stdout, stderr, exitCode } = await runProgram(thisMachine, serverMain, ["audit", "export", ...where]);
  if (exitCode !== 0) throw new Error(`the audit log could not be read: ${stderr}`);
  const entries = stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line): AuditEntry => {
      const { seq, action, object, detail } = JSON.parse(line);
      return { seq, action, object, generation: detail.generation ?? null, digest: detail.requestDigest ?? null };
    });
  const isIntact = verified.exitCode === 0 && JSON.parse(verified.stdout).intact === true;
  return { intact: isIntact, why: isIntact ? null : `${verified.stdout}${verified.stderr}`, entries };
}

async function inParallel<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const left = items.map((item, index) => ({ item, index }));
  const next = async () => {
    for (let each = left.shift(); each !== undefined; each = left.shift()) {
      results[each.index] = await work(each.item);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, next));
  return results;
}
