import assert from "node:assert/strict";
import { test } from "node:test";
import { no, ok, openConnectedSession } from "../test-recorded-session.ts";

const sensorId = "df64838b-b518-414b-b769-2b8be341a2f0";
const taskId = "1c5a0d9c-6c9c-4b8e-9a3b-0c3f3c9d2f11";
const byHost = "GET /sensors?host=host4";
const hosts = ok({ sensors: [{ sensorId, host: "host4", osFamily: "linux" }] });
const create = `POST /tasks/${taskId}?sensor_id=${sensorId}&task_type=run_process`;
const brief = `GET /tasks/${taskId}?settings=false`;
const whole = `GET /tasks/${taskId}?settings=true`;
const waiting = { state: "waiting", latestStartDateTime: null };
const ended = (more: object) => ({ state: "completed", latestStartDateTime: "2026-04-02T10:11:12.000Z", ...more });
const runArgs = ["task", "run", "host4", "--id", taskId];

test("task run --wait shows what the program printed and takes over success or failure", async (t) => {
  const output = { stdout: "one\u001b[31m\ntwo\n", stderr: "oops", stdoutTruncated: true };
  const { run, asked } = await openConnectedSession(t, {
    [byHost]: [hosts],
    [create]: [ok(waiting)],
    [brief]: [ok(waiting), ok({ ...waiting, state: "running" }), ok(ended({}))],
    [whole]: [ok(ended({ exitCode: 0, ...output })), ok(ended({ exitCode: 3, ...output }))],
  });
  const good = await run([...runArgs, "--wait", "--cwd", "/tmp", "--", "grep", "-i", "it's a", ""]);
  assert.equal(good.exitCode, 0, good.stderr);
  assert.equal(good.stdout, "one\ntwo\n");
  assert.match(good.stderr, new RegExp(`task ${taskId}: running\noops\nThe program's stdout was cut off`));
  assert.deepEqual(asked.find(({ method }) => method === "POST")?.body, {
    task: {
      schedule: { startNow: true },
      execCommand: "grep",
      cmdLineParameters: "-i 'it'\\''s a' ''",
      workingDirectory: "/tmp",
    },
  });
  const bad = await run([...runArgs, "--wait", "--json", "--", "false"]);
  assert.equal(bad.exitCode, 1);
  const answer = JSON.parse(bad.stdout);
  assert.equal(answer.exitCode, 3);
  assert.equal(answer.stdout, output.stdout);
  assert.equal(bad.stderr, "");
});

test("a task that fails, is ended by a signal, or runs too long is told apart", async (t) => {
  const { run } = await openConnectedSession(t, {
    [byHost]: [hosts],
    [create]: [ok(waiting)],
    [brief]: [ok({ state: "failed" }), ok(ended({})), ok({ ...waiting, state: "running" })],
    [whole]: [
      ok({ state: "failed", error: "PROGRAM_NOT_FOUND: nope" }),
      ok(ended({ exitCode: null, error: "SIGKILL" })),
    ],
  });
  const failed = await run([...runArgs, "--wait", "nope"]);
  assert.equal(failed.exitCode, 1);
  assert.match(failed.stderr, /failed: PROGRAM_NOT_FOUND: nope/);
  const killed = await run([...runArgs, "--wait", "sleep"]);
  assert.equal(killed.exitCode, 1);
  assert.match(killed.stderr, /the program was ended: SIGKILL/);
  const long = await run([...runArgs, "--wait", "--timeout", "10s", "sleep"]);
  assert.equal(long.exitCode, 6);
  assert.match(long.stderr, new RegExp(`cordon task cancel ${taskId}`));
});

test("against a server that tells neither exit code nor output, a completed task is done, and that is said", async (t) => {
  const { run } = await openConnectedSession(t, {
    [byHost]: [hosts],
    [create]: [ok(waiting)],
    [brief]: [ok(ended({}))],
    [whole]: [ok(ended({ task: { execCommand: "true" } }))],
  });
  const { exitCode, stderr } = await run([...runArgs, "--wait", "true"]);
  assert.equal(exitCode, 0);
  assert.match(stderr, /does not tell the program's exit code/);
});

test("task run without --wait answers with the task; an ID that is taken is refused", async (t) => {
  const { run, asked } = await openConnectedSession(t, {
    [byHost]: [hosts],
    [create]: [ok(waiting), no(409, { error: "Conflict" })],
  });
  const stored = await run([...runArgs, "--later", "--json", "true"]);
  assert.equal(stored.exitCode, 0, stored.stderr);
  assert.equal(JSON.parse(stored.stdout).taskId, taskId);
  assert.deepEqual(asked.at(-1)?.body, { task: { schedule: { startNow: false }, execCommand: "true" } });
  const taken = await run([...runArgs, "true"]);
  assert.equal(taken.exitCode, 1);
  assert.match(taken.stderr, /exists already/);
});

test("without --id a task gets a new one each time", async (t) => {
  const { run, asked } = await openConnectedSession(t, { [byHost]: [hosts] });
  for (let time = 0; time < 2; time += 1) {
    assert.equal((await run(["task", "run", "host4", "true"])).exitCode, 5);
  }
  const paths = asked.filter(({ method }) => method === "POST").map(({ path }) => path);
  assert.equal(new Set(paths).size, 2);
  for (const path of paths) assert.match(path, /^\/tasks\/[0-9a-f-]{36}\?/);
});

test("wrong usage of task run touches nothing", async (t) => {
  const { run, asked } = await openConnectedSession(t, {});
  const cases: string[][] = [
    ["--wait", "--later", "true"],
    ["--id", "7", "true"],
    ["--", "sh", "-c", "a\nb"],
    ["--", "x".repeat(4097)],
    ["true", "-x"],
    [],
  ];
  for (const args of cases) assert.equal((await run(["task", "run", "host4", ...args])).exitCode, 2, args.join(" "));
  assert.equal(asked.length, 0);
});

test("task get, start, cancel and delete reach the task that was named", async (t) => {
  const { run } = await openConnectedSession(t, {
    [whole]: [ok(ended({ exitCode: 0, stdout: "hi\n", task: { execCommand: "echo", cmdLineParameters: "hi" } }))],
    [`POST /tasks/${taskId}/start`]: [ok(waiting)],
    [`POST /tasks/${taskId}/cancel`]: [ok({ ...waiting, state: "cancelled" })],
    [`DELETE /tasks/${taskId}`]: [ok({}), no(404, { error: "Not Found" })],
  });
  const got = await run(["task", "get", taskId.toUpperCase()]);
  assert.equal(got.exitCode, 0, got.stderr);
  assert.match(got.stdout, /state: +completed\n[\s\S]*program: +echo\n[\s\S]*exit code: +0\n\nstdout:\nhi\n$/);
  assert.match((await run(["task", "start", taskId])).stdout, /state: +waiting/);
  assert.match((await run(["task", "cancel", taskId])).stdout, /state: +cancelled/);
  assert.equal((await run(["task", "delete", taskId])).stdout, `Deleted task ${taskId}.\n`);
  assert.equal((await run(["task", "delete", taskId])).exitCode, 5);
  const kata = await run(["task", "cancel", sensorId]);
  assert.equal(kata.exitCode, 5);
  assert.match(kata.stderr, /or this server cannot cancel tasks/);
});
