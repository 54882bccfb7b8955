import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { maxLiveOutput, type TaskOutput } from "@cordon/contract";
import { createLiveOutput } from "./live-output.ts";
import { lineageA, startCore, taskOrder } from "./testing/core-under-test.ts";

type Host = Awaited<ReturnType<typeof startCore>>;
const told = (host: Host) => host.sent.filter((message): message is TaskOutput => message.type === "task-output");

async function startWaiting(protocol: number) {
  const host = await startCore({ connect: false });
  host.connect(lineageA, protocol);
  const taskId = randomUUID();
  host.core.receive(taskOrder(taskId, "wait"));
  for (let turn = 0; turn < 100 && !host.kernel.running.has("wait"); turn += 1) await Promise.resolve();
  return { host, taskId };
}

test("what a running program has printed so far is told, and never spooled", async () => {
  const { host, taskId } = await startWaiting(2);
  host.kernel.print("wait", "one\n");
  host.kernel.print("wait", "one\ntwo\n");
  assert.deepEqual(
    told(host).map((output) => [output.taskId, output.stdout, output.stdoutTruncated]),
    [
      [taskId, "one\n", false],
      [taskId, "one\ntwo\n", false],
    ],
  );
  host.core.closed();
  host.sent.length = 0;
  host.kernel.print("wait", "nobody hears");
  host.connect(lineageA, 2);
  assert.deepEqual(told(host), []);
  host.kernel.print("wait", "three\n");
  assert.equal(told(host)[0]?.stdout, "three\n");
  await host.core.close();
});

test("a Central Node of protocol 1 is told nothing that it does not know", async () => {
  const { host } = await startWaiting(1);
  host.kernel.print("wait", "one\n");
  assert.deepEqual(told(host), []);
  await host.core.close();
});

test("while too much is on its way nothing is told, and of much only the end", () => {
  const live = createLiveOutput();
  const sent: TaskOutput[] = [];
  let drains = false;
  const session = {
    send(message: object) {
      sent.push(message as TaskOutput);
      return drains;
    },
    close: () => {},
  };
  const printed = (stdout: string) => ({ stdout, stderr: "", stdoutTruncated: false, stderrTruncated: false });
  live.opened(session, 2);
  live.tell("a", printed("1"));
  live.tell("a", printed("12"));
  assert.equal(sent.length, 1);
  drains = true;
  live.drained();
  live.tell("a", printed(`${"x".repeat(maxLiveOutput)}end`));
  const { stdout = "", stdoutTruncated } = sent[1] ?? {};
  assert.deepEqual([stdout.length, stdout.slice(-4), stdoutTruncated], [maxLiveOutput, "xend", true]);
});
