import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { type TestContext, test } from "node:test";
import { Problem, type TaskReport } from "@cordon/contract";
import { testDatabases } from "../database/test-databases.ts";
import { createTestClock, createTestServices, soar, uptime } from "../test-services.ts";

const isProblem = (code: string) => (error: unknown) => error instanceof Problem && error.code === code;
const day = 86_400_000;

for (const kind of testDatabases) {
  async function start(t: TestContext) {
    const clock = createTestClock();
    const database = await kind.open(t);
    const services = await createTestServices({ database, now: clock.now });
    const host = await services.addHost();
    const { tasks } = services;
    return {
      clock,
      database,
      host,
      ...services,
      order: async (changes: Partial<Parameters<typeof tasks.create>[0]> = {}) =>
        (
          await tasks.create({
            actor: soar,
            taskId: randomUUID(),
            sensorId: host,
            action: "run-process",
            parameters: uptime,
            startNow: true,
            ...changes,
          })
        ).taskId,
      take: async (held: string[] = [], limit = 16) =>
        (await tasks.takeForDelivery(host, held, limit)).map((task) => task.taskId),
      say: (taskId: string, state: TaskReport["state"], more: Partial<TaskReport> = {}, from = host) =>
        tasks.recordReport(from, { type: "task-report", reportId: randomUUID(), taskId, state, ...more }),
      stateOf: async (taskId: string) => {
        const { state, reason } = await tasks.get(taskId);
        return [state, reason];
      },
    };
  }

  test(`${kind.name}: a new task waits, and is kept with what was ordered`, async (t) => {
    const { tasks, order, host, nudged, audited } = await start(t);
    const taskId = await order();
    assert.deepEqual(await tasks.get(taskId), {
      taskId,
      sensorId: host,
      action: "run-process",
      parameters: uptime,
      startNow: true,
      state: "waiting",
      createdAt: "2026-11-24T10:00:00.000Z",
      createdBy: soar,
      startedAt: null,
      finishedAt: null,
      reason: null,
      detail: null,
      exitCode: null,
      stdout: null,
      stderr: null,
      stdoutTruncated: false,
      stderrTruncated: false,
    });
    assert.deepEqual(nudged, [{ target: host, about: "tasks" }]);
    assert.deepEqual(
      (await audited()).map(({ action, object, result }) => [action, object, result]),
      [["run-process.create", taskId, "done"]],
    );
  });

  test(`${kind.name}: an ID that was ever used is a CONFLICT, also after the task was deleted, and also at once`, async (t) => {
    const { tasks, order } = await start(t);
    const taskId = randomUUID();
    const outcomes = await Promise.allSettled(Array.from({ length: 5 }, () => order({ taskId })));
    assert.equal(outcomes.filter((outcome) => outcome.status === "fulfilled").length, 1);
    for (const outcome of outcomes) if (outcome.status === "rejected") assert.ok(isProblem("CONFLICT")(outcome.reason));
    await tasks.delete(soar, taskId);
    await assert.rejects(order({ taskId }), isProblem("CONFLICT"));
    await assert.rejects(tasks.get(taskId), isProblem("NOT_FOUND"));
  });

  test(`${kind.name}: what is unknown is NOT_FOUND, what breaks the rules BAD_REQUEST, and neither takes the ID`, async (t) => {
    const { tasks, order, audited } = await start(t);
    const taskId = randomUUID();
    await assert.rejects(order({ taskId, sensorId: randomUUID() }), isProblem("NOT_FOUND"));
    await assert.rejects(order({ taskId, action: "network-isolation" }), isProblem("BAD_REQUEST"));
    await assert.rejects(order({ taskId, action: "constructor" }), isProblem("BAD_REQUEST"));
    await assert.rejects(order({ taskId, parameters: { ...uptime, program: "a\nb" } }), isProblem("BAD_REQUEST"));
    assert.deepEqual(await audited(), []);
    await order({ taskId });
    for (const call of [tasks.start, tasks.cancel, tasks.delete]) {
      await assert.rejects(call(soar, randomUUID()), isProblem("NOT_FOUND"));
    }
  });

  test(`${kind.name}: a task is marked as handed out before it is, and is handed out again only on another connection`, async (t) => {
    const { order, take, database, clock } = await start(t);
    const first = await order();
    clock.pass(1);
    const second = await order();
    assert.deepEqual(await take([], 1), [first]);
    const sent = await database.read.selectFrom("tasks").select("task_id").where("sent_at", "is not", null).execute();
    assert.deepEqual(
      sent.map((row) => row.task_id),
      [first],
    );
    assert.deepEqual(await take([first]), [second]);
    assert.deepEqual(await take([first, second]), []);
    assert.deepEqual(await take([]), [first, second], "a new connection holds nothing yet");
  });

  test(`${kind.name}: a waiting task that is cancelled or deleted ends at once and is never handed out`, async (t) => {
    const { tasks, order, take, stateOf } = await start(t);
    const [cancelled, deleted] = [await order(), await order()];
    assert.equal((await tasks.cancel(soar, cancelled)).state, "cancelled");
    await tasks.delete(soar, deleted);
    assert.deepEqual(await take(), []);
    assert.deepEqual(await stateOf(cancelled), ["cancelled", null]);
    await assert.rejects(tasks.get(deleted), isProblem("NOT_FOUND"));
    await assert.rejects(tasks.delete(soar, deleted), isProblem("NOT_FOUND"));
  });

  test(`${kind.name}: a task that was handed out is cancelled only once the agent says what came of it`, async (t) => {
    const { tasks, order, take, say, stateOf, host } = await start(t);
    const [sent, running, late] = [await order(), await order(), await order()];
    await take();
    await say(running, "running", { startedAt: "2026-11-24T10:00:05.000Z" });
    for (const taskId of [sent, running, late]) await tasks.cancel(soar, taskId);
    assert.deepEqual(await stateOf(sent), ["waiting", null]);
    assert.deepEqual(await stateOf(running), ["running", null]);
    assert.deepEqual((await tasks.listToCancel(host)).sort(), [sent, running, late].sort());
    assert.deepEqual(await take(), [], "it must not be handed out again");
    await say(sent, "cancelled");
    await say(running, "cancelled", { stdout: "half", stderr: "" });
    await say(late, "completed", { exitCode: 0 });
    assert.deepEqual(await stateOf(sent), ["cancelled", null]);
    const after = await tasks.get(running);
    assert.deepEqual([after.state, after.startedAt, after.stdout], ["cancelled", "2026-11-24T10:00:05.000Z", "half"]);
    assert.deepEqual(await stateOf(late), ["completed", null], "it had ended before it could be cancelled");
    assert.deepEqual(await tasks.listToCancel(host), []);
  });

  test(`${kind.name}: cancelling and deleting again is no fault, and an ended task stays as it ended`, async (t) => {
    const { tasks, order, take, say, stateOf } = await start(t);
    const taskId = await order();
    await take();
    await say(taskId, "completed", { exitCode: 3 });
    assert.equal((await tasks.cancel(soar, taskId)).state, "completed");
    assert.equal((await tasks.cancel(soar, taskId)).exitCode, 3);
    assert.deepEqual(await stateOf(taskId), ["completed", null]);
    await tasks.delete(soar, taskId);
    await assert.rejects(tasks.get(taskId), isProblem("NOT_FOUND"));
  });

  test(`${kind.name}: the first outcome stands, and progress that comes late changes nothing`, async (t) => {
    const { tasks, order, take, say, counted } = await start(t);
    const taskId = await order();
    await take();
    assert.equal(await say(taskId, "accepted"), "waiting");
    assert.equal(await say(taskId, "running"), "running");
    assert.equal(await say(taskId, "accepted"), "running");
    assert.equal(await say(taskId, "completed", { exitCode: 7, stdout: "a\0b", stdoutTruncated: true }), "completed");
    assert.equal(await say(taskId, "running"), "completed");
    assert.equal(await say(taskId, "failed", { reason: "AGENT_RESTARTED" }), "completed");
    const task = await tasks.get(taskId);
    assert.deepEqual(
      [task.state, task.exitCode, task.reason, task.stdout, task.stdoutTruncated, task.stderr],
      ["completed", 7, null, "a\uFFFDb", true, null],
    );
    assert.deepEqual(counted, ["run-process ordered", "run-process completed"], "each outcome is counted once");
  });

  test(`${kind.name}: a host speaks only for its own tasks`, async (t) => {
    const { order, take, say, stateOf, addHost } = await start(t);
    const [taskId, stranger] = [await order(), await addHost()];
    await take();
    assert.equal(await say(taskId, "completed", { exitCode: 0 }, stranger), null);
    assert.equal(await say(randomUUID(), "completed", { exitCode: 0 }), null);
    assert.deepEqual(await stateOf(taskId), ["waiting", null]);
  });

  test(`${kind.name}: times and words of a hostile host are kept harmless`, async (t) => {
    const { tasks, order, take, say } = await start(t);
    const taskId = await order();
    await take();
    await say(taskId, "failed", { reason: "A\0", detail: "\u001b[2J", startedAt: "soon", finishedAt: "9".repeat(40) });
    const { reason, detail, startedAt, finishedAt } = await tasks.get(taskId);
    assert.deepEqual([reason, detail], ["A\uFFFD", "\uFFFD[2J"]);
    assert.deepEqual([startedAt, finishedAt], Array(2).fill("2026-11-24T10:00:00.000Z"));
  });

  test(`${kind.name}: a task for later is handed out only after it was started, and its time runs from then`, async (t) => {
    const { tasks, order, take, clock, stateOf } = await start(t);
    const taskId = await order({ startNow: false });
    clock.pass(100 * day);
    assert.equal(await tasks.expireOverdue(), 0);
    assert.deepEqual(await take(), []);
    assert.equal((await tasks.start(soar, taskId)).startNow, true);
    clock.pass(6 * day);
    await tasks.start(soar, taskId);
    clock.pass(day - 1);
    assert.deepEqual(await take(), [taskId], "started again it is as it was");
    const never = await order({ startNow: false });
    await tasks.cancel(soar, never);
    assert.deepEqual(await stateOf(never), ["cancelled", null]);
    await assert.rejects(tasks.start(soar, never), isProblem("BAD_REQUEST"));
  });

  test(`${kind.name}: what was not delivered in time fails and says so, and is not handed out even before the sweep`, async (t) => {
    const { tasks, order, take, clock, stateOf, host, nudged, audited } = await start(t);
    const taskId = await order();
    clock.pass(7 * day - 1);
    assert.equal(await tasks.expireOverdue(), 0);
    clock.pass(1);
    assert.deepEqual(await take(), []);
    assert.equal(await tasks.expireOverdue(), 1);
    assert.deepEqual(await stateOf(taskId), ["failed", "EXPIRED"]);
    assert.equal(await tasks.expireOverdue(), 0);
    assert.deepEqual(nudged.at(-1), { target: host, about: "tasks" });
    assert.equal((await audited()).at(-1)?.action, "run-process.expire");
  });

  test(`${kind.name}: what was handed out and never heard of is called back after its time, and what the agent says of it is kept`, async (t) => {
    const { tasks, order, take, say, clock, stateOf, host } = await start(t);
    const [gone, ran, failed] = [await order(), await order(), await order()];
    await take();
    clock.pass(7 * day);
    assert.equal(await tasks.expireOverdue(), 3);
    assert.deepEqual(await stateOf(gone), ["waiting", "EXPIRED"], "only the agent knows");
    assert.deepEqual((await tasks.listToCancel(host)).sort(), [gone, ran, failed].sort());
    await say(gone, "cancelled");
    await say(ran, "completed", { exitCode: 0 });
    await say(failed, "failed", { reason: "PROGRAM_NOT_FOUND" });
    assert.deepEqual(await stateOf(gone), ["failed", "EXPIRED"]);
    assert.deepEqual(await stateOf(ran), ["completed", null], "it ran after all: nothing expired");
    assert.equal((await tasks.get(ran)).detail, null);
    assert.deepEqual(await stateOf(failed), ["failed", "PROGRAM_NOT_FOUND"]);
    assert.equal((await tasks.get(failed)).detail, null, "the sentence of another reason must not stay");
  });

  test(`${kind.name}: an agent that lost its journal fails what it was given and keeps what it was not`, async (t) => {
    const { tasks, order, take, stateOf, host, database, clock } = await start(t);
    const given = await order();
    await take();
    clock.pass(1);
    const waiting = await order();
    await database.write((tx) => tasks.failInFlight(tx, host));
    assert.deepEqual(await stateOf(given), ["failed", "JOURNAL_LOST"]);
    assert.deepEqual(await stateOf(waiting), ["waiting", null]);
    assert.deepEqual(await take(), [waiting]);
  });

  test(`${kind.name}: hosts with something untold are found, so that a lost nudge is found`, async (t) => {
    const { tasks, order, take, say, host, addHost } = await start(t);
    const other = await addHost();
    assert.deepEqual(await tasks.listHostsWithUndelivered(), []);
    await order({ sensorId: other, startNow: false });
    const taskId = await order();
    assert.deepEqual(await tasks.listHostsWithUndelivered(), [host]);
    await take();
    assert.deepEqual(await tasks.listHostsWithUndelivered(), []);
    await tasks.cancel(soar, taskId);
    assert.deepEqual(await tasks.listHostsWithUndelivered(), [host]);
    await say(taskId, "cancelled");
    assert.deepEqual(await tasks.listHostsWithUndelivered(), []);
  });

  test(`${kind.name}: the oldest task that waits to run is the one that counts as waiting`, async (t) => {
    const { tasks, order, take, say, clock } = await start(t);
    await order({ startNow: false });
    assert.equal(await tasks.oldestWaiting(), null);
    clock.pass(1000);
    const taskId = await order();
    assert.equal(await tasks.oldestWaiting(), "2026-11-24T10:00:01.000Z");
    await take();
    await say(taskId, "running");
    assert.equal(await tasks.oldestWaiting(), null);
  });

  test(`${kind.name}: handing out at once from two connections marks a task once and loses none`, async (t) => {
    const { order, take } = await start(t);
    const ids = [];
    for (let index = 0; index < 20; index++) ids.push(await order());
    const taken = await Promise.all([take([], 20), take([], 20)]);
    for (const list of taken) assert.deepEqual(list.toSorted(), ids.toSorted());
  });
}
