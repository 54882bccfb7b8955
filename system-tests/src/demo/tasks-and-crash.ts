/** The demo's chapters on running a program, and on orders that survive kill -9. */

import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { untilTaskEnds } from "../external-system.ts";
import { connects } from "../network-isolation-lab.ts";
import { createFolder, type Owner } from "../programs.ts";
import { claimWays, pathOf, untilState } from "./isolation.ts";
import { expect, type Report } from "./report.ts";
import type { Scene } from "./scene.ts";

export async function showTask(report: Report, { soar, agent }: Scene): Promise<void> {
  report.section("curl runs a program on the host");
  const taskId = randomUUID();
  const task = {
    execCommand: "/bin/sh",
    cmdLineParameters: `-c 'echo "pid $$ of $(id -un), on $(uname -sr)"; uptime; exit 7'`,
    workingDirectory: "/",
  };
  await report.claim("POST answers 200, and the task completes with the program's own exit code", async () => {
    const { status } = await soar.post(`tasks/${taskId}?sensor_id=${agent.sensorId}&task_type=run_process`, { task });
    expect("the answer", status, 200);
    const ended = await untilTaskEnds(soar, taskId);
    expect("state and exit code", [ended.state, ended.exitCode], ["completed", 7]);
    expect("the output is whole", [ended.stdout.split("\n").length, ended.stderr], [3, ""]);
    return `exit code 7, its output:\n${ended.stdout.trimEnd().replaceAll(/^/gm, "| ")}`;
  });
  await report.claim("the same task ID again is a conflict", async () => {
    const { status } = await soar.post(`tasks/${taskId}?sensor_id=${agent.sensorId}&task_type=run_process`, { task });
    expect("the answer", status, 409);
  });
}

/**
 * The agent stands still while curl orders, and both are killed before it goes on: the orders are then nowhere but in the
 * Central Node's database. Killing the Central Node alone would leave them in the agent's socket.
 */
export async function showCrash(report: Report, owner: Owner, scene: Scene): Promise<void> {
  const { soar, agent, central, isolable } = scene;
  report.section("kill -9 between the 200 and the delivery");
  const marks = join(createFolder(owner, "demo"), "marks");
  const taskId = randomUUID();
  agent.pause();
  await report.claim("while the agent stands still, curl's orders are accepted", async () => {
    const order = { execCommand: "/bin/sh", cmdLineParameters: `-c 'echo started >> ${marks}'` };
    const ran = await soar.post(`tasks/${taskId}?sensor_id=${agent.sensorId}&task_type=run_process`, { task: order });
    expect("the task's answer", ran.status, 200);
    if (isolable === null) return "200 for a task";
    const { status } = await soar.post(pathOf(scene), { settings: { autoTurnoffTimeoutInSec: 7200 } });
    expect("the isolation's answer", status, 200);
    return "200 for a task and for an isolation";
  });
  await report.claim("the Central Node is killed by -9, then the agent", async () => {
    const pids = [central.pid(), agent.pid()];
    await central.kill();
    await agent.kill();
    expect("curl's answer", (await soar.get("sensors")).status, 0);
    return `pids ${pids.join(" and ")}; curl finds nobody`;
  });
  if (isolable !== null) {
    await report.claim("the isolation was not delivered: the stranger still reaches the host", async () => {
      expect("answered", await connects(10_000, isolable.stranger, isolable.host.ipv4), true);
    });
  }
  await report.claim("both start again, on the data that they left", async () => {
    await central.restart();
    await agent.restart();
    await agent.untilConnected();
  });
  if (isolable !== null) {
    await report.claim(
      "the isolation is in effect",
      async () => `generation ${(await untilState(scene, "in_effect")).orderedGeneration}`,
    );
    await claimWays(report, isolable, false);
  }
  await report.claim("the task ran, and ran once", async () => {
    const ended = await untilTaskEnds(soar, taskId);
    // Delivered or not at the moment of the kill: it may be reported as cut short, but never start twice or be forgotten.
    expect("its state", ended.state, "completed");
    expect("what it wrote", readFileSync(marks, "utf8"), "started\n");
  });
  if (isolable !== null) {
    await report.claim("DELETE opens the host again", async () => {
      expect("the answer", (await soar.delete(pathOf(scene))).status, 200);
      await untilState(scene, "lifted");
      expect("answered", await connects(10_000, isolable.stranger, isolable.host.ipv4), true);
    });
  }
  await report.claim("the audit log's chain is intact, from the first knock on", async () => {
    const check = await central.admin<{ intact: boolean; entries: number; lastHash: string }>("audit", "verify");
    expect("intact", check.intact, true);
    return `${check.entries} entries, last hash ${check.lastHash.slice(0, 16)}…`;
  });
}
