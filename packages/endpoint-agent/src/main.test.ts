import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, type TestContext, test } from "node:test";
import { createCertificateRequest } from "./certificate-request.ts";
import { writeIdentity } from "./identity.ts";
import { journalInUse, openJournal } from "./journal/journal.ts";
import { silentLog } from "./log.ts";
import { journalPath, startAgent } from "./start-agent.ts";
import { startCentralNodeDouble } from "./testing/central-node-double.ts";
import { lineageA, taskOrder, welcome } from "./testing/core-under-test.ts";
import { createKernelInMemory } from "./testing/kernel-in-memory.ts";
import { createManualClock } from "./testing/manual-clock.ts";
import { createOpensslAuthority } from "./testing/openssl-authority.ts";
import { agentVersion } from "./version.ts";

const skip = process.platform === "linux" ? false : "needs Linux";
const main = new URL("./main.ts", import.meta.url).pathname;
const authority = createOpensslAuthority();
after(() => authority.remove());

function start(t: TestContext, ...words: string[]) {
  // An order must not reach the filesystems of the machine that the tests run on.
  const env = { ...process.env, CORDON_GUARD: "none" };
  const child = spawn(process.execPath, [main, ...words], { stdio: ["pipe", "pipe", "pipe"], env });
  t.after(() => child.kill("SIGKILL"));
  return child;
}

async function textOf(stream: NodeJS.ReadableStream) {
  let text = "";
  for await (const chunk of stream) text += String(chunk);
  return text;
}

async function run(t: TestContext, words: string[], input = "") {
  const child = start(t, ...words);
  const exit = once(child, "exit");
  child.stdin.end(input);
  const [stdout, stderr] = await Promise.all([textOf(child.stdout), textOf(child.stderr)]);
  const [exitCode] = await exit;
  return { exitCode, stdout, stderr };
}

/** Resolves with the first line on stdout: the agent runs. */
async function untilReady(child: ChildProcess) {
  assert.ok(child.stdout !== null);
  const [line] = await once(child.stdout.setEncoding("utf8"), "data");
  return JSON.parse(String(line)) as { ready: boolean };
}

async function enrolled(t: TestContext) {
  const stateDir = mkdtempSync(join(tmpdir(), "cordon-agent-"));
  t.after(() => rmSync(stateDir, { recursive: true, force: true }));
  const double = await startCentralNodeDouble({ authority });
  t.after(double.stop);
  const { key, certificateRequest } = createCertificateRequest();
  writeIdentity(stateDir, {
    sensorId: welcome().sensorId,
    servers: [`127.0.0.1:${double.port}`],
    key,
    certificate: authority.signAgent(certificateRequest),
    authorities: authority.certificate,
  });
  return { stateDir, double };
}

test("the version is the package's", () => {
  const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as { version: string };
  assert.equal(agentVersion, manifest.version);
});

test("help, wrong usage and a directory without identity have their exit codes", async (t) => {
  const help = await run(t, ["--help"]);
  assert.equal(help.exitCode, 0);
  assert.match(help.stdout, /Exit codes:/);
  assert.equal((await run(t, ["enroll", "--server", "http://central", "--token", "x"])).exitCode, 2);
  assert.equal((await run(t, ["enroll", "--server", "https://127.0.0.1:1", "--token", "-"], "no token")).exitCode, 2);
  assert.equal((await run(t, ["status", "--state-dir", "/nowhere"])).exitCode, 5);
  assert.equal((await run(t, ["start", "--state-dir", "/nowhere"])).exitCode, 1);
});

test("a running agent answers status, refuses a second one, and is succeeded after kill -9", { skip }, async (t) => {
  const { stateDir, double } = await enrolled(t);
  const first = start(t, "start", "--state-dir", stateDir);
  assert.equal((await untilReady(first)).ready, true);
  await double.until(() => double.messages.length === 1);
  assert.equal(statSync(join(stateDir, "agent.sock")).mode & 0o777, 0o600);

  const status = await run(t, ["status", "--state-dir", stateDir, "--json"]);
  assert.equal(status.exitCode, 0, status.stderr);
  const shown = JSON.parse(status.stdout) as Record<string, unknown>;
  assert.deepEqual([shown.running, shown.sensorId], [true, welcome().sensorId]);

  const second = await run(t, ["start", "--state-dir", stateDir]);
  assert.equal(second.exitCode, 1);
  assert.match(second.stderr, /another agent runs/);

  first.kill("SIGKILL");
  await once(first, "exit");
  const read = await run(t, ["status", "--state-dir", stateDir, "--json"]);
  assert.equal((JSON.parse(read.stdout) as { running: boolean }).running, false);
  const third = start(t, "start", "--state-dir", stateDir);
  await untilReady(third);
});

test("SIGTERM ends the agent in good order: what it runs is terminated and reported", { skip }, async (t) => {
  const { stateDir, double } = await enrolled(t);
  const agent = start(t, "start", "--state-dir", stateDir);
  await double.until(() => double.messages.length === 1);
  double.send(welcome());
  const taskId = crypto.randomUUID();
  const parameters = { program: "sleep", commandLine: "1000", workingDirectory: null };
  double.send({ ...taskOrder(taskId, "sleep"), parameters });
  await double.until(() =>
    double.messages.some((message) => message.type === "task-report" && message.state === "running"),
  );
  agent.kill("SIGTERM");
  const [exitCode] = await once(agent, "exit");
  assert.equal(exitCode, 0);
  const last = double.messages.findLast((message) => message.type === "task-report");
  assert.ok(last?.type === "task-report");
  assert.deepEqual([last.state, last.reason], ["failed", "AGENT_RESTARTED"]);
});

test("a policy file that cannot be read lets no task run", { skip }, async (t) => {
  const { stateDir, double } = await enrolled(t);
  writeFileSync(join(stateDir, "policy.json"), '{"allowedActions": "run-process"}');
  start(t, "start", "--state-dir", stateDir);
  await double.until(() => double.messages.length === 1);
  double.send(welcome());
  double.send(taskOrder(crypto.randomUUID(), "true"));
  await double.until(() => double.messages.some(({ type }) => type === "task-report"));
  const report = double.messages.find((message) => message.type === "task-report");
  assert.deepEqual([report?.state, report?.reason], ["failed", "FORBIDDEN_BY_LOCAL_POLICY"]);
});

const inNamespace =
  process.getuid?.() === 0 && skip === false ? false : "needs root on Linux: a network namespace and nft";

test("release lifts an isolation whose agent is dead, and keeps the next agent from applying it again", {
  skip: inNamespace,
}, async (t) => {
  const { stateDir } = await enrolled(t);
  // In a namespace of its own, never on the machine: the table is one that an agent could have left.
  const script = `nft add table inet cordon_isolation && "$0" "$1" release --state-dir "$2" --json && nft list tables`;
  const child = spawn("unshare", ["--net", "sh", "-c", script, process.execPath, main, stateDir]);
  const exit = once(child, "exit");
  const [stdout, stderr] = await Promise.all([textOf(child.stdout), textOf(child.stderr)]);
  assert.deepEqual(await exit, [0, null], stderr);
  assert.deepEqual(JSON.parse(stdout), { state: "lifted", by: "this program" }, "and nft lists no table after it");

  const journal = openJournal({ path: journalPath(stateDir), log: silentLog });
  assert.ok(journal !== journalInUse);
  journal.setLineage(lineageA);
  const wish = { autoTurnoffTimeoutInSec: 3600, exclusions: [] };
  const setting = { action: "network-isolation", scope: "host" as const, lineage: lineageA, generation: 7 };
  journal.settings.put({ ...setting, wish, deadline: null, refusal: null, outcome: null });
  journal.close();
  const clock = createManualClock();
  const { kernel, startProcess } = createKernelInMemory(clock);
  const agent = await startAgent({ stateDir, log: silentLog, enforcers: startProcess() });
  assert.ok(typeof agent === "object");
  t.after(agent.close);
  assert.equal(kernel.isolation, null);
  const [held] = agent.status().settings;
  assert.deepEqual([held?.generation, held?.state, held?.reason], [7, "failed", "RELEASED_LOCALLY"]);
});
