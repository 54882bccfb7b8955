import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { createMemoryJournal } from "./journal/journal.ts";
import { startCore, taskOrder } from "./testing/core-under-test.ts";

type Host = Awaited<ReturnType<typeof startCore>>;
const states = (host: Host, taskId: string) =>
  host
    .taskReports()
    .filter((report) => report.taskId === taskId)
    .map(({ state, reason }) => (reason === undefined ? state : `${state} ${reason}`));

/** Until the program named so runs: a few turns of the event loop at most. */
async function untilRuns(host: Host, program: string) {
  for (let turn = 0; turn < 100 && !host.kernel.running.has(program); turn += 1) await Promise.resolve();
  assert.ok(host.kernel.running.has(program), `${program} runs`);
}

test("a task is accepted, runs once, and its result is told until it is acknowledged", async () => {
  const host = await startCore();
  const taskId = randomUUID();
  await host.receive(taskOrder(taskId, "uptime"));
  assert.deepEqual(states(host, taskId), ["accepted", "running", "completed"]);
  const last = host.taskReports().at(-1);
  assert.equal(last?.stdout, "uptime");
  assert.equal(last?.exitCode, 0);
  assert.ok(last?.startedAt !== undefined && last.finishedAt !== undefined);

  host.core.closed();
  host.sent.length = 0;
  host.connect();
  assert.deepEqual(states(host, taskId), ["completed"], "one report a task waits: the newest says all");
  host.acknowledgeAll();
  host.core.closed();
  host.connect();
  assert.deepEqual(host.taskReports(), []);
});

test("a report that is not acknowledged is sent again after a while, in the same session too", async () => {
  const host = await startCore();
  const taskId = randomUUID();
  await host.receive(taskOrder(taskId, "true"));
  host.sent.length = 0;
  host.clock.advance(59_000);
  assert.deepEqual(states(host, taskId), []);
  host.clock.advance(1_001);
  assert.deepEqual(states(host, taskId), ["completed"]);
});

test("the same task ordered again, also after a restart and its acknowledgement, is never started again", async () => {
  const host = await startCore();
  const taskId = randomUUID();
  await host.receive(taskOrder(taskId, "true"), taskOrder(taskId, "true"));
  host.acknowledgeAll();
  const again = await startCore({ clock: host.clock, journal: host.journal, on: host.on });
  await again.receive(taskOrder(taskId, "true"));
  assert.deepEqual(host.kernel.started, ["true"]);
  assert.deepEqual(states(again, taskId), ["completed"]);
});

test("four run at once and the others wait in order; isolation does not wait for them", async () => {
  const host = await startCore();
  const ids = Array.from({ length: 6 }, () => randomUUID());
  for (const [index, id] of ids.entries()) host.core.receive(taskOrder(id, `wait-${index}`));
  await untilRuns(host, "wait-3");
  assert.deepEqual(host.core.status().tasks, { waiting: 2, running: 4 });
  const said = { stdout: "", stderr: "", stdoutTruncated: false, stderrTruncated: false };
  host.kernel.running.get("wait-1")?.({ state: "completed", exitCode: 0, ...said });
  await untilRuns(host, "wait-4");
  assert.equal(host.kernel.running.has("wait-5"), false);
});

test("cancelling a waiting task keeps it from ever starting", async () => {
  const host = await startCore();
  const ids = Array.from({ length: 5 }, () => randomUUID());
  for (const [index, id] of ids.entries()) host.core.receive(taskOrder(id, `wait-${index}`));
  await untilRuns(host, "wait-3");
  const waiting = ids[4] ?? "";
  host.core.receive({ type: "task-cancel", taskId: waiting });
  assert.deepEqual(states(host, waiting), ["accepted", "cancelled"]);
  for (const id of ids) host.core.receive({ type: "task-cancel", taskId: id });
  await host.core.idle();
  assert.equal(host.kernel.started.includes("wait-4"), false);
});

test("cancelling a running task terminates it", async () => {
  const host = await startCore();
  const taskId = randomUUID();
  host.core.receive(taskOrder(taskId, "wait"));
  await untilRuns(host, "wait");
  await host.receive({ type: "task-cancel", taskId });
  assert.deepEqual(states(host, taskId), ["accepted", "running", "cancelled"]);
});

test("a cancel that overtakes its task is remembered, and the task never starts", async () => {
  const host = await startCore();
  const taskId = randomUUID();
  await host.receive({ type: "task-cancel", taskId });
  assert.deepEqual(states(host, taskId), ["cancelled"]);
  host.acknowledgeAll();
  await host.receive(taskOrder(taskId, "true"));
  assert.deepEqual(states(host, taskId), ["cancelled"]);
  assert.deepEqual(host.kernel.started, []);
});

test("cancelling a task that is done answers with what came of it", async () => {
  const host = await startCore();
  const taskId = randomUUID();
  await host.receive(taskOrder(taskId, "true"));
  host.acknowledgeAll();
  await host.receive({ type: "task-cancel", taskId });
  assert.deepEqual(states(host, taskId), ["completed"]);
});

test("after a crash what was accepted starts, and what had started is ended and reported, not started again", async () => {
  const journal = createMemoryJournal();
  const record = {
    action: "run-process",
    parameters: { program: "true", commandLine: null, workingDirectory: null },
    process: null,
  };
  const [accepted, starting, running] = [randomUUID(), randomUUID(), randomUUID()];
  journal.tasks.put({ ...record, taskId: accepted, step: "accepted", report: { state: "accepted" } });
  journal.tasks.put({ ...record, taskId: starting, step: "starting", report: { state: "accepted" } });
  const process = { pid: 7, startTicks: "1", bootId: "boot-1" };
  const startedAt = "2026-11-24T00:00:00.000Z";
  journal.tasks.put({ ...record, taskId: running, step: "running", process, report: { state: "running", startedAt } });
  const host = await startCore({ journal });
  await host.core.idle();
  assert.deepEqual(states(host, accepted).at(-1), "completed");
  assert.deepEqual(states(host, starting), ["failed AGENT_RESTARTED"]);
  assert.deepEqual(states(host, running), ["failed AGENT_RESTARTED"]);
  assert.equal(host.taskReports().find(({ taskId }) => taskId === running)?.startedAt, startedAt);
  assert.deepEqual(host.kernel.terminatedLeftovers, [process]);
  assert.deepEqual(host.kernel.started, ["true"]);
});

test("stopping the agent terminates what runs and says so; what waits is started by the next one", async () => {
  const host = await startCore();
  const ids = Array.from({ length: 5 }, () => randomUUID());
  for (const [index, id] of ids.entries()) host.core.receive(taskOrder(id, index === 4 ? "later" : `wait-${index}`));
  await untilRuns(host, "wait-3");
  await host.core.close();
  assert.deepEqual(states(host, ids[0] ?? "").at(-1), "failed AGENT_RESTARTED");
  assert.equal(host.kernel.started.includes("later"), false);
  const next = await startCore({ clock: host.clock, journal: host.journal, on: host.on });
  await next.core.idle();
  assert.equal(states(next, ids[4] ?? "").at(-1), "completed");
});

test("what may not or cannot run here is refused with the reason", async () => {
  const host = await startCore({ policy: { allows: ({ name }) => name !== "run-process" } });
  const taskId = randomUUID();
  await host.receive(taskOrder(taskId, "true"));
  assert.deepEqual(states(host, taskId), ["failed FORBIDDEN_BY_LOCAL_POLICY"]);
  const others: [string, object][] = [
    ["failed INVALID_ORDER", taskOrder(randomUUID(), "bad\nname")],
    ["failed INVALID_ORDER", { ...taskOrder(randomUUID(), "x"), parameters: {} }],
    ["failed NOT_SUPPORTED", { ...taskOrder(randomUUID(), "x"), action: "network-isolation" }],
    ["failed NOT_SUPPORTED", { ...taskOrder(randomUUID(), "x"), action: "toString" }],
  ];
  for (const [expected, order] of others) {
    await host.receive(order);
    assert.deepEqual(states(host, "taskId" in order ? String(order.taskId) : ""), [expected]);
  }
  assert.deepEqual(host.kernel.started, []);
});

test("an order that cannot be written down is not carried out, and the session is closed so that it comes again", async () => {
  const host = await startCore();
  host.journal.close();
  host.core.receive(taskOrder(randomUUID(), "true"));
  assert.deepEqual(host.closes, [1011]);
  assert.deepEqual(host.kernel.started, []);
});
