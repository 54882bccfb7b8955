/** P9: what a host gets, the bundle's agent, connected and with prevention armed, and its guard, hold resident in memory. */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as waitMs } from "node:timers/promises";
import { askRunningAgent } from "../../packages/endpoint-agent/src/control-socket.ts";
import { buildBundle } from "../../system-tests/src/agent-bundle.ts";
import { createExternalSystem, curlAs, settingStateOf } from "../../system-tests/src/external-system.ts";
import { until } from "../../system-tests/src/namespaces.ts";
import { guardedPath, guardedPlace } from "../../system-tests/src/prevention-place.ts";
import { createFolder, type Owner, startCentralNode, thisMachine } from "../../system-tests/src/programs.ts";
import type { BenchRow } from "./bench-row.ts";

/** Bytes; `together` counts what both have in memory once (Pss of /proc/PID/smaps_rollup). */
type Resident = { agent: number; guard: number; together: number };

const megabyte = 1_000_000;
/** What was used to start and to take the rule is given back by then. */
const atRestAfterMs = 30_000;

export async function p9(): Promise<BenchRow[]> {
  const cleanUps: (() => Promise<void> | void)[] = [];
  try {
    const owner: Owner = { after: (cleanUp) => void cleanUps.push(cleanUp) };
    const floor = 2 * (await residentOfIdleNode());
    const { few, many } = await measure(owner);
    return [
      row("agent + guard, 10 files banned: resident memory", few, floor, 120),
      row(
        "agent + guard, 100,000 files banned: resident memory",
        many,
        floor,
        Math.round((few.agent + few.guard) / megabyte) + 60,
      ),
    ];
  } finally {
    for (const cleanUp of cleanUps.reverse()) await cleanUp();
  }
}

async function measure(owner: Owner) {
  const bundle = join(createFolder(owner, "bundle"), "agent");
  buildBundle(bundle);
  const program = join(bundle, "cordon-agent");
  const central = await startCentralNode(owner);
  const system = createExternalSystem(owner);
  const soar = curlAs(system, central);
  await soar.get("sensors");
  await central.acceptSystem(system);

  const stateDir = createFolder(owner, "state");
  const enrol = ["enroll", "--server", central.api, "--token", await central.joinToken(), "--state-dir", stateDir];
  const enrolled = await thisMachine.run(program, [...enrol, "--json"], { withinMs: 60_000 });
  const { sensorId } = JSON.parse(enrolled.stdout) as { sensorId: string };
  const words = ["start", "--guard", guardedPath, "--state-dir", stateDir];
  const agent = guardedPlace(thisMachine, {}).spawn(program, words, { stdio: "ignore" });
  owner.after(() => void agent.kill("SIGKILL"));
  await until("the agent is connected", async () => {
    const status = (await askRunningAgent(stateDir, { command: "status" })) as { link?: string } | null;
    return status?.link === "connected";
  });

  const rule = `settings?sensor_id=${sensorId}&settings_type=prevention`;
  const withBanned = async (count: number) => {
    const objects = Array.from({ length: count }, () => ({ file: { sha256: randomBytes(32).toString("hex") } }));
    await soar.post(rule, { settings: { objects } });
    await until(
      `${count} files are banned`,
      async () => {
        const found = await settingStateOf(soar, { sensorId }, "prevention");
        return found?.state === "in_effect" && found.reportedGeneration === found.orderedGeneration;
      },
      60_000,
    );
    await waitMs(atRestAfterMs);
    const resident = residentBelow(agent.pid ?? 0);
    return resident;
  };
  const few = await withBanned(10);
  const many = await withBanned(100_000);
  await soar.delete(rule);
  return { few, many };
}

/** Of the processes below `pid`, which is a wrapper's. */
function residentBelow(pid: number): Resident {
  const found = { agent: 0, guard: 0, together: 0 };
  for (const child of descendants(pid)) {
    const words = readFileSync(`/proc/${child}/cmdline`, "utf8");
    const part = words.includes("enforce-guard-main") ? "guard" : words.includes("cordon-agent.mjs") ? "agent" : null;
    if (part === null) continue;
    found[part] += residentBytesOf(child);
    found.together += bytesOf("Pss", `/proc/${child}/smaps_rollup`);
  }
  if (found.agent === 0 || found.guard === 0) throw new Error(`there is no agent or no guard below process ${pid}`);
  return found;
}

async function residentOfIdleNode(): Promise<number> {
  const child = spawn(process.execPath, ["-e", "console.log('up'); process.stdin.resume()"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  try {
    await once(child.stdout, "data");
    return residentBytesOf(child.pid ?? 0);
  } finally {
    child.kill("SIGKILL");
  }
}

function descendants(pid: number): number[] {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8").split(" ").filter(Boolean).map(Number),
  );
  return [...children, ...children.flatMap(descendants)];
}

function row(figure: string, resident: Resident, floor: number, mostMegabytes: number): BenchRow {
  const bytes = resident.agent + resident.guard;
  const [agent, guard, together] = [resident.agent, resident.guard, resident.together].map((part) =>
    (part / megabyte).toFixed(1),
  );
  return {
    id: "P9",
    figure,
    value: bytes / megabyte,
    floor: floor / megabyte,
    unit: "MB",
    ratio: bytes / floor,
    spread: "one reading, 30 s after the order",
    target: `≤ ${mostMegabytes} MB`,
    met: bytes <= mostMegabytes * megabyte,
    note: `the bundle, connected: agent ${agent}, guard ${guard}; ${together} with what they share counted once. Floor: two Node processes that do nothing`,
  };
}

/** From /proc, in bytes: what of the process is in memory now. */
function residentBytesOf(pid: number): number {
  return bytesOf("VmRSS", `/proc/${pid}/status`);
}

function bytesOf(name: string, file: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(readFileSync(file, "utf8"))?.[1]) * 1024;
}
