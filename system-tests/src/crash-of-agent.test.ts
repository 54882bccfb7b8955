/** The agent killed by -9 at every step of an order's journey through it: in effect or reported, and never run twice. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { test } from "node:test";
import { countLines, createCrashLab, isolationOfMachine } from "./crash-lab.ts";

const stepsOfASetting = ["setting-received", "setting-journaled", "setting-enforced"] as const;
const stepsOfATask = [
  "task-received",
  "task-accepted",
  "task-starting",
  "task-running",
  "task-finished-journaled",
] as const;
const stepsOfAReport = ["report-spooled", "report-sent"] as const;

const { where, isNetworkReal } = isolationOfMachine;

test(`an agent killed anywhere in the journey of an isolation ${where}`, async (t) => {
  const lab = await createCrashLab(t, { isNetworkReal });
  for (const [index, checkpoint] of [...stepsOfASetting, ...stepsOfAReport].entries()) {
    await t.test(`killed at ${checkpoint}, the isolation is in effect after the restart`, async () => {
      await lab.untilConnected();
      const seconds = 3600 + 1000 * index;
      lab.arm("agent", checkpoint);
      assert.equal((await lab.isolate(seconds)).status, 200);
      await lab.untilKilled("agent");
      await lab.restart("agent");
      await lab.untilIsolatedFor(seconds);
    });
  }
  await t.test("killed between journal and effect, the host is isolated though the Central Node is away", async () => {
    await lab.untilConnected();
    lab.arm("agent", "setting-journaled");
    assert.equal((await lab.isolate(20_000)).status, 200);
    await lab.untilKilled("agent");
    await lab.kill("central-node");
    await lab.restart("agent");
    await lab.untilOnHost(20_000);
    await lab.restart("central-node");
    await lab.untilIsolatedFor(20_000);
  });
});

test("an agent killed anywhere in the journey of a task", async (t) => {
  const lab = await createCrashLab(t, { isNetworkReal: false });
  const runs = new Map<string, number>();
  for (const checkpoint of [...stepsOfATask, ...stepsOfAReport]) {
    await t.test(`killed at ${checkpoint}, the task ran at most once, and what came of it is told`, async () => {
      await lab.untilConnected();
      const taskId = randomUUID();
      const marks = join(lab.folder, taskId);
      lab.arm("agent", checkpoint);
      assert.equal((await lab.runShell(taskId, `echo ran >> ${marks}; echo done`)).status, 200);
      await lab.untilKilled("agent");
      await lab.restart("agent");
      const { state, error = null, stdout } = await lab.untilEnded(taskId);
      runs.set(marks, countLines(marks));
      if (checkpoint === "task-starting" || checkpoint === "task-running") {
        assert.equal(state, "failed");
        assert.match(error, /^AGENT_RESTARTED: /);
        assert.ok(countLines(marks) <= 1, `it ran ${countLines(marks)} times`);
        if (checkpoint === "task-starting") assert.equal(countLines(marks), 0, "killed before the program started");
      } else {
        assert.deepEqual({ state, error, stdout }, { state: "completed", error: null, stdout: "done\n" });
        assert.equal(countLines(marks), 1);
      }
    });
  }

  await t.test("killed while a program runs, the program is ended and the task failed", async () => {
    await lab.untilConnected();
    const taskId = randomUUID();
    const marks = join(lab.folder, taskId);
    assert.equal((await lab.runShell(taskId, `echo ran >> ${marks}; exec sleep 600`)).status, 200);
    await lab.untilState(taskId, "running");
    await lab.kill("agent");
    await lab.restart("agent");
    const { error } = await lab.untilEnded(taskId);
    assert.match(error, /^AGENT_RESTARTED: .*the program was terminated/);
    runs.set(marks, countLines(marks));
  });

  await t.test("nothing starts again when everything is restarted once more", async () => {
    await lab.restart("central-node");
    await lab.restart("agent");
    await lab.untilConnected();
    // Tasks run in order: when this one has ended, whatever would have been started before it has been.
    const last = randomUUID();
    await lab.runShell(last, "true");
    assert.equal((await lab.untilEnded(last)).state, "completed");
    for (const [marks, count] of runs) assert.equal(countLines(marks), count);
  });
  await t.test("the audit log is whole", lab.verifyAudit);
});
