import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { AgentMessage } from "@cordon/contract";
import { isolationOrder, taskOrder } from "./testing/core-under-test.ts";

const skip = process.platform === "linux" ? false : "needs Linux: /proc and process groups";
const program = new URL("./testing/crashing-agent.ts", import.meta.url).pathname;

function newStateDir(t: TestContext) {
  const directory = mkdtempSync(join(tmpdir(), "cordon-crash-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function runAgent(stateDir: string, killAt: string, messages: object[]) {
  const { signal, status, stdout, stderr } = spawnSync(
    process.execPath,
    [program, stateDir, killAt, JSON.stringify(messages)],
    { encoding: "utf8" },
  );
  if (killAt === "none") assert.equal(status, 0, stderr);
  else assert.equal(signal, "SIGKILL", `the agent came to ${killAt}: ${stderr}`);
  return stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as AgentMessage);
}

for (const killAt of ["setting-received", "setting-journaled", "setting-enforced", "report-spooled", "report-sent"]) {
  test(`killed at ${killAt}, an isolation is in effect and reported after the next contact`, { skip }, (t) => {
    const stateDir = newStateDir(t);
    const order = isolationOrder(4);
    runAgent(stateDir, killAt, [order]);
    const [hello, ...sent] = runAgent(stateDir, "none", []);
    assert.ok(hello?.type === "hello");
    const isHeld = hello.settings.some(({ generation }) => generation === 4);
    assert.equal(isHeld, killAt !== "setting-received", "what was not written down is not claimed");
    // What a Central Node does with a hello that does not name the generation.
    const all = isHeld ? sent : [...sent, ...runAgent(stateDir, "none", [order])];
    const report = all.findLast((message) => message.type === "setting-report");
    assert.deepEqual([report?.generation, report?.state], [4, "in-effect"]);
    assert.ok(existsSync(join(stateDir, "isolation")));
  });
}

const stepsOfATask = [
  "task-received",
  "task-accepted",
  "task-starting",
  "task-running",
  "task-finished-journaled",
] as const;
for (const killAt of [...stepsOfATask, "report-spooled", "report-sent"]) {
  test(`killed at ${killAt}, a task starts at most once, and what came of it is told`, { skip }, (t) => {
    const stateDir = newStateDir(t);
    const taskId = randomUUID();
    const marks = join(stateDir, "marks");
    const order = {
      ...taskOrder(taskId, "/bin/sh"),
      parameters: {
        program: "/bin/sh",
        commandLine: `-c 'echo started >> ${marks}; echo done'`,
        workingDirectory: "/",
      },
    };
    runAgent(stateDir, killAt, [order]);
    // Delivered again, as a task that has no end on the Central Node is at each contact.
    const sent = runAgent(stateDir, "none", [order]);
    const last = sent.findLast((message) => message.type === "task-report" && message.taskId === taskId);
    assert.ok(last?.type === "task-report");
    const starts = existsSync(marks) ? readFileSync(marks, "utf8").split("\n").length - 1 : 0;
    assert.ok(starts <= 1, `it started ${starts} times`);
    const mayBeCutShort = killAt === "task-starting" || killAt === "task-running";
    if (mayBeCutShort) {
      assert.deepEqual([last.state, last.reason], ["failed", "AGENT_RESTARTED"]);
    } else {
      assert.deepEqual([last.state, last.stdout, starts], ["completed", "done\n", 1]);
    }
  });
}

test("a program that outlived its agent is terminated by the next one", { skip }, (t) => {
  const stateDir = newStateDir(t);
  const taskId = randomUUID();
  const order = {
    ...taskOrder(taskId, "sleep"),
    parameters: { program: "sleep", commandLine: "1000", workingDirectory: null },
  };
  runAgent(stateDir, "task-running", [order]);
  const sent = runAgent(stateDir, "none", []);
  const last = sent.findLast((message) => message.type === "task-report");
  assert.ok(last?.type === "task-report");
  assert.deepEqual([last.state, last.reason], ["failed", "AGENT_RESTARTED"]);
  assert.match(last.detail ?? "", /the program was terminated/);
});
