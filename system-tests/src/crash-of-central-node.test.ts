/** The Central Node killed by -9 at every step of an order's journey: what was stored is carried out, and once. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { test } from "node:test";
import { countLines, createCrashLab, isolationOfMachine } from "./crash-lab.ts";

/** `order-stored` is passed when the order is durable and nobody was answered yet. */
const checkpoints = ["order-stored", "order-read", "order-sent", "report-stored"] as const;

const { where, isNetworkReal } = isolationOfMachine;

test(`a Central Node killed anywhere in the journey of an isolation ${where}`, async (t) => {
  const lab = await createCrashLab(t, { isNetworkReal });
  for (const [index, checkpoint] of checkpoints.entries()) {
    await t.test(`killed at ${checkpoint}, the isolation is in effect after the restart`, async () => {
      const seconds = 3600 + 1000 * index;
      lab.arm("central-node", checkpoint);
      const { status } = await lab.isolate(seconds);
      assert.ok(checkpoint === "order-stored" ? status === 0 : [0, 200].includes(status), `it answered ${status}`);
      await lab.untilKilled("central-node");
      await lab.restart("central-node");
      await lab.untilIsolatedFor(seconds);
    });
  }
  await t.test("the audit log is whole", lab.verifyAudit);
});

test("a Central Node killed anywhere in the journey of a task", async (t) => {
  const lab = await createCrashLab(t, { isNetworkReal: false });
  for (const checkpoint of checkpoints) {
    await t.test(`killed at ${checkpoint}, the task completes after the restart, and ran once`, async () => {
      const taskId = randomUUID();
      const marks = join(lab.folder, taskId);
      lab.arm("central-node", checkpoint);
      await lab.runShell(taskId, `echo ran >> ${marks}; echo done`);
      await lab.untilKilled("central-node");
      await lab.restart("central-node");
      const again = await lab.runShell(taskId, `echo ran >> ${marks}`);
      assert.equal(again.status, 409, "what a script gets that asks again because it heard no answer");
      const { state, stdout, exitCode } = await lab.untilEnded(taskId);
      assert.deepEqual({ state, stdout, exitCode }, { state: "completed", stdout: "done\n", exitCode: 0 });
      assert.equal(countLines(marks), 1);
    });
  }
  await t.test("the audit log is whole", lab.verifyAudit);
});
