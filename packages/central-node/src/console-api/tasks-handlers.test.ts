import assert from "node:assert/strict";
import { test } from "node:test";
import { testDatabases } from "../database/test-databases.ts";
import { soar, uptime } from "../test-services.ts";
import { startOrders } from "./test-orders.ts";

const missing = "00000000-0000-4000-8000-0000000000ff";
const program = { program: "/bin/sh", commandLine: '-c "id; sleep 1"', workingDirectory: null };

for (const kind of testDatabases) {
  async function start(t: Parameters<typeof startOrders>[0]) {
    const services = await startOrders(t, kind);
    const host = await services.addHost({ hostName: "web-1" });
    const create = async (startNow = true) => {
      const reply = await services.call("createTasks", { body: { sensorIds: [host], ...program, startNow } });
      return reply.tasks[0]?.taskId ?? "";
    };
    const say = (taskId: string, state: "running" | "completed", more: { stdout?: string; exitCode?: number } = {}) =>
      services.tasks.recordReport(host, { type: "task-report", reportId: crypto.randomUUID(), taskId, state, ...more });
    const print = (taskId: string, stdout: string, from = host) =>
      services.tasks.recordOutput(from, {
        type: "task-output",
        taskId,
        stdout,
        stderr: "",
        stdoutTruncated: false,
        stderrTruncated: false,
      });
    const get = (taskId: string) => services.call("getTask", { params: { taskId } });
    return { ...services, host, create, say, print, get };
  }

  test(`${kind.name}: a program for several hosts is one task each, and the Response API's tasks stand beside them`, async (t) => {
    const { call, addHost, host, tasks, get } = await start(t);
    const second = await addHost({ hostName: "web-2" });
    const reply = await call("createTasks", {
      body: { sensorIds: [host, second, missing], ...program, startNow: true },
    });
    assert.equal(reply.done, 2);
    assert.deepEqual(
      reply.failed.map(({ id, code }) => [id, code]),
      [[missing, "NOT_FOUND"]],
    );
    assert.deepEqual(new Set(reply.tasks.map(({ sensorId }) => sensorId)), new Set([host, second]));
    const taskId = "5d1f4d40-0000-4000-8000-000000000003";
    await tasks.create({
      actor: soar,
      taskId,
      sensorId: host,
      action: "run-process",
      parameters: uptime,
      startNow: false,
    });
    const list = async (filter: string) => (await call("listTasks", { query: { filter, sort: "hostName" } })).items;
    assert.deepEqual(
      (await list("program:contains:SH")).map((task) => task.hostName),
      ["web-1", "web-2"],
    );
    assert.deepEqual(
      (await list("author:is:external-system:soar")).map((task) => task.taskId),
      [taskId],
    );
    assert.deepEqual((await list("commandLine:contains:sleep")).length, 2);
    assert.deepEqual((await list("hostName:is:web-2")).length, 1);
    const shown = await get(taskId);
    assert.deepEqual(
      [shown.program, shown.author, shown.startNow, shown.state, shown.hostName],
      ["/usr/bin/uptime", "external-system:soar", false, "waiting", "web-1"],
    );
  });

  test(`${kind.name}: what cannot be a task is refused as a whole`, async (t) => {
    const { call, host } = await start(t);
    const body = { sensorIds: [host], ...program, program: "/bin/\u0007", startNow: true };
    await assert.rejects(call("createTasks", { body }), { code: "BAD_REQUEST", message: /program must not hold NUL/ });
    assert.equal((await call("listTasks", { query: {} })).total, 0);
  });

  test(`${kind.name}: a task is started, cancelled and deleted, each once it makes sense`, async (t) => {
    const { call, create, say } = await start(t);
    const taskId = await create(false);
    assert.equal((await call("startTask", { params: { taskId } })).startNow, true);
    assert.equal((await call("cancelTask", { params: { taskId } })).state, "cancelled");
    await assert.rejects(call("startTask", { params: { taskId } }), { code: "BAD_REQUEST" });
    await call("deleteTask", { params: { taskId } });
    await assert.rejects(call("getTask", { params: { taskId } }), { code: "NOT_FOUND" });
    const other = await create();
    await say(other, "completed", { exitCode: 3 });
    const { items } = await call("listTasks", { query: { filter: ["exitCode:is:3", "state:is:completed"] } });
    assert.deepEqual(
      items.map((task) => task.taskId),
      [other],
    );
    assert.equal((await call("listTasks", { query: {} })).total, 1);
  });

  test(`${kind.name}: what a program has printed so far shows while it runs, and its whole output once it has ended`, async (t) => {
    const { create, say, print, get, addHost, told, database, download } = await start(t);
    const taskId = await create();
    await print(taskId, "too early");
    assert.deepEqual([(await get(taskId)).stdout, (await get(taskId)).outputIsPartial], ["", false]);
    await say(taskId, "running");
    assert.deepEqual([(await get(taskId)).stdout, (await get(taskId)).outputIsPartial], ["", true]);
    told.length = 0;
    await print(taskId, "uid=0(root)\n\0");
    assert.deepEqual(told, [{ topic: "tasks", id: taskId }]);
    await print(taskId, "another host's", await addHost());
    assert.deepEqual([(await get(taskId)).stdout, (await get(taskId)).outputIsPartial], ["uid=0(root)\n\uFFFD", true]);
    assert.equal((await download("taskStdout", { params: { taskId } })).text, "uid=0(root)\n\uFFFD");
    await say(taskId, "completed", { stdout: "uid=0(root)\nall of it\n", exitCode: 0 });
    await print(taskId, "too late");
    const ended = await get(taskId);
    assert.deepEqual([ended.stdout, ended.outputIsPartial, ended.exitCode], ["uid=0(root)\nall of it\n", false, 0]);
    assert.deepEqual(await database.read.selectFrom("task_outputs").selectAll().execute(), []);
    const { fileName, text } = await download("taskStdout", { params: { taskId } });
    assert.deepEqual([fileName, text], [`${taskId}-stdout.txt`, "uid=0(root)\nall of it\n"]);
  });

  test(`${kind.name}: the tasks of a removed host stay, without its name`, async (t) => {
    const { call, create, host, get } = await start(t);
    const taskId = await create();
    await call("removeHosts", { body: { sensorIds: [host] } });
    const task = await get(taskId);
    assert.deepEqual([task.hostName, task.state, task.reason], ["", "failed", "HOST_REMOVED"]);
    assert.equal((await call("listTasks", { query: {} })).total, 1);
  });
}
