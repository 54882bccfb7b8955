/** What an operator does to a database: moves it to PostgreSQL, backs it up while orders are given, loses it, restores it. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { testDatabases } from "@cordon/central-node/test-databases";
import { createExternalSystem, curlAs, settingStateOf, untilTaskEnds } from "./external-system.ts";
import { until } from "./namespaces.ts";
import {
  type AgentProcess,
  createFolder,
  enrolHost,
  runForJson,
  runProgram,
  serverMain,
  startCentralNode,
  thisMachine,
} from "./programs.ts";

const crashAgent = fileURLToPath(new URL("./crash-agent.ts", import.meta.url));

type Soar = ReturnType<typeof curlAs>;

test("hosts go on without enrolling after a move to PostgreSQL, and after the loss and the restore of that", async (t) => {
  const first = await startCentralNode(t);
  const system = createExternalSystem(t);
  await curlAs(system, first).get("sensors");
  await first.acceptSystem(system);
  const folder = createFolder(t, "moved");
  const main = [crashAgent, "--effect-file", join(folder, "isolation")];
  const agent = await enrolHost(t, first, { main });
  // The harness forbids isolation on this machine; here it is a file only.
  writeFileSync(join(agent.stateDir, "policy.json"), "{}");
  const before = await runTask(curlAs(system, first), agent);
  await isolate(curlAs(system, first), agent);
  const { generation } = await isolationOf(agent);

  const url = await locate(t);
  const copy = ["database", "copy", "--from", join(first.dataDir, "cordon.db"), "--to", url];
  const tooEarly = await runProgram(thisMachine, serverMain, copy);
  assert.match(tooEarly.stderr, /a Central Node is already running/);
  await first.kill("SIGTERM");
  await runForJson(thisMachine, serverMain, copy);
  await assert.rejects(first.restart(), /this database was moved to another one/);

  const second = await startCentralNode(t, { database: url });
  await agent.restart(main, ["--server", second.api]);
  await agent.untilConnected();
  const soar = curlAs(system, second);
  assert.equal((await soar.get(`tasks/${before}`)).body.state, "completed");
  assert.equal((await settingStateOf(soar, agent)).state, "in_effect");
  assert.equal((await isolationOf(agent)).generation, generation, "it was ordered no second time");
  const moved = await runTask(soar, agent);

  const backup = join(folder, "backup.db");
  const [, during] = await Promise.all([second.admin("backup", backup), runTasks(soar, agent, 5)]);
  const afterwards = await runTask(soar, agent);
  await second.kill();
  const restored = await locate(t);
  await runForJson(thisMachine, serverMain, ["database", "copy", "--from", backup, "--to", restored]);

  const third = await startCentralNode(t, { database: restored });
  await agent.restart(main, ["--server", third.api]);
  await agent.untilConnected();
  const soarThen = curlAs(system, third);
  for (const taskId of [before, moved]) {
    assert.equal((await soarThen.get(`tasks/${taskId}`)).body.state, "completed");
  }
  assert.equal((await soarThen.get(`tasks/${afterwards}`)).status, 404, "it was ordered after the backup");
  // Those of the meantime are there or not; none that is there stays open.
  for (const taskId of during) {
    if ((await soarThen.get(`tasks/${taskId}`)).status === 200) await untilTaskEnds(soarThen, taskId);
  }
  await until("the isolation is in effect", async () => (await settingStateOf(soarThen, agent)).state === "in_effect");
  await runTask(soarThen, agent);
  const chain = await third.admin<{ intact: boolean }>("audit", "verify");
  assert.equal(chain.intact, true);
});

async function locate(t: TestContext): Promise<string> {
  const location = await testDatabases.find(({ name }) => name === "PostgreSQL")?.locate(t);
  assert.ok(location !== undefined);
  return location;
}

async function runTask(soar: Soar, agent: AgentProcess): Promise<string> {
  const taskId = randomUUID();
  const { status, text } = await soar.post(`tasks/${taskId}?sensor_id=${agent.sensorId}&task_type=run_process`, {
    task: { execCommand: "/bin/echo", cmdLineParameters: "here" },
  });
  assert.equal(status, 200, text);
  assert.equal((await untilTaskEnds(soar, taskId)).state, "completed");
  return taskId;
}

async function runTasks(soar: Soar, agent: AgentProcess, count: number): Promise<string[]> {
  const taskIds: string[] = [];
  while (taskIds.length < count) taskIds.push(await runTask(soar, agent));
  return taskIds;
}

async function isolate(soar: Soar, agent: AgentProcess): Promise<void> {
  const path = `settings?sensor_id=${agent.sensorId}&settings_type=network_isolation`;
  const { status, text } = await soar.post(path, { settings: { autoTurnoffTimeoutInSec: 3600 } });
  assert.equal(status, 200, text);
  await until("the isolation is in effect", async () => (await settingStateOf(soar, agent)).state === "in_effect");
}

async function isolationOf(agent: AgentProcess) {
  const isolation = (await agent.status()).settings.find(({ action }) => action === "network-isolation");
  assert.ok(isolation !== undefined);
  return isolation;
}
