/** The demo's chapter on execution prevention. */

import { createHash, randomUUID } from "node:crypto";
import { setTimeout as waitMs } from "node:timers/promises";
import { settingStateOf, untilTaskEnds } from "../external-system.ts";
import { until } from "../namespaces.ts";
import { guardedPath, guardedPlace } from "../prevention-place.ts";
import { type AgentProcess, enrolHost, type Owner, thisMachine } from "../programs.ts";
import { expect, type Report } from "./report.ts";
import type { Scene } from "./scene.ts";

const bad = "#!/bin/sh\necho 'the attack goes on'\n";
const good = "#!/bin/sh\necho 'an honest day of work'\n";
const sha256 = createHash("sha256").update(bad).digest("hex");

/** The file is on a filesystem that only this chapter's host has: nothing of the machine itself is guarded. */
export async function showPrevention(report: Report, owner: Owner, scene: Scene): Promise<void> {
  const { central, soar, isolable } = scene;
  report.section("curl bans a file by its SHA-256");
  const hosts: AgentProcess[] = [];
  await report.claim("a second host enrols, which can prevent files from running", async () => {
    const place = guardedPlace(isolable?.network.host ?? thisMachine, { bad, good });
    const made = await enrolHost(owner, central, { place, guard: [guardedPath] });
    const { capabilities } = await made.status();
    expect("its capabilities hold prevention", capabilities?.includes("prevention"), true);
    hosts.push(made);
    return `${made.sensorId}; a self-test was denied its banned canary`;
  });
  const [host] = hosts;
  if (host === undefined) return;
  const rule = `settings?sensor_id=${host.sensorId}&settings_type=prevention`;
  await report.claim(`${guardedPath}/bad runs, as any file does`, async () => {
    expect("its end", await run(scene, host, `${guardedPath}/bad`), ["completed", "the attack goes on"]);
  });
  await report.claim("POST answers 200, and the host reports that it is in effect", async () => {
    const sentAt = performance.now();
    const { status } = await soar.post(rule, { settings: { objects: [{ file: { sha256 } }] } });
    expect("the answer", status, 200);
    const { detail } = await untilState(scene, host, "in_effect");
    return `${Math.round(performance.now() - sentAt)} ms after curl was started\n${detail}`;
  });
  await report.claim("the kernel denies it, under its own name and as a copy under another", async () => {
    const [state, detail] = await run(scene, host, `${guardedPath}/bad`);
    expect("its end", state, "failed");
    const copied = await run(
      scene,
      host,
      "/bin/sh",
      `-c 'cp ${guardedPath}/bad ${guardedPath}/other; exec ${guardedPath}/other'`,
    );
    expect("the copy's words", copied[1], "");
    return detail;
  });
  await report.claim("a file that is not banned runs", async () => {
    expect("its end", await run(scene, host, `${guardedPath}/good`), ["completed", "an honest day of work"]);
  });
  await report.claim("who tried to run it, and when, is told to the Central Node", async () => {
    const { events } = await until("a block is reported", async () => {
      const blocks = await central.admin<{ events: { path: string; userName: string; at: string }[] }>(
        "prevention",
        "blocks",
      );
      return blocks.events.length > 0 ? blocks : null;
    });
    const [block] = events.slice(-1);
    return `${block?.path} by ${block?.userName} at ${block?.at}`;
  });
  await report.claim("DELETE lifts the ban, and the file runs again", async () => {
    expect("the answer", (await soar.delete(rule)).status, 200);
    await untilState(scene, host, "lifted");
    expect("its end", await run(scene, host, `${guardedPath}/bad`), ["completed", "the attack goes on"]);
  });
}

/** Runs a program there by a task. Its state, and the first line of what it printed or of why it failed. */
async function run(
  { soar }: Scene,
  { sensorId }: AgentProcess,
  execCommand: string,
  cmdLineParameters?: string,
): Promise<[string, string]> {
  const taskId = randomUUID();
  const task = { execCommand, ...(cmdLineParameters === undefined ? {} : { cmdLineParameters }) };
  const { status } = await soar.post(`tasks/${taskId}?sensor_id=${sensorId}&task_type=run_process`, { task });
  expect("the task's answer", status, 200);
  const { state, stdout, error } = await untilTaskEnds(soar, taskId);
  return [state, String(state === "completed" ? stdout : error).split("\n")[0] ?? ""];
}

function untilState({ soar }: Scene, host: AgentProcess, state: string) {
  return until(`the host reports ${state}`, async () => {
    const found = await settingStateOf(soar, host, "prevention");
    if (found?.state === state && found.reportedGeneration === found.orderedGeneration) return found;
    // Each look is a whole curl: none of them is to slow the order down that is looked for.
    await waitMs(30);
    return null;
  });
}
