/** PostgreSQL away: nothing is acknowledged that is not stored, nothing that was acknowledged is lost, and all comes back. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { until } from "./namespaces.ts";
import { createFolder } from "./programs.ts";
import { createDatabaseLink, type DatabaseLink } from "./two-central-nodes-database-link.ts";
import { createTwoNodes, locatePostgres, readiness } from "./two-central-nodes-lab.ts";

for (const { how, begin } of [
  { how: "is stopped", begin: (link: DatabaseLink) => link.refuse() },
  { how: "falls silent", begin: (link: DatabaseLink) => link.fallSilent() },
]) {
  test(`PostgreSQL ${how}: not ready, orders get 503, and after its return everything is there`, async (t) => {
    const link = await createDatabaseLink(await locatePostgres(t));
    t.after(() => link.refuse());
    const { a, b, client, host: enrol } = await createTwoNodes(t, link.url);
    const { sensorId, untilIsolatedFor } = await enrol([b, a]);
    const marks = join(createFolder(t, "marks"), "ran");
    const give = (taskId: string, node: number) =>
      client.runShell(taskId, sensorId, `echo ${taskId} >> ${marks}`, node);
    const isolated = await client.isolate(sensorId, 4000, 0);
    assert.equal(isolated.status, 200);
    await untilIsolatedFor(4000, 15_000);

    // It breaks while many orders are under way, each somewhere else between its arrival and its answer.
    const tasks = Array.from({ length: 32 }, () => randomUUID());
    const answers = tasks.map((taskId, index) => give(taskId, index % 2));
    await Promise.race(answers);
    await begin(link);
    const statuses = (await Promise.all(answers)).map(({ status }) => status);
    t.diagnostic(`of 32 orders under way ${statuses.filter((status) => status === 200).length} were answered 200`);
    assert.ok(
      statuses.every((status) => status === 200 || status === 503),
      statuses.join(),
    );
    for (const node of [a, b]) {
      await until("it says that it is not ready", async () => !(await readiness(node)).ready);
    }
    const startedMs = performance.now();
    const refused = await Promise.all([
      client.isolate(sensorId, 5000, 0),
      client.endIsolation(sensorId, 1),
      give(randomUUID(), 0),
      client.task(randomUUID(), 1),
    ]);
    t.diagnostic(`refused after ${Math.round(performance.now() - startedMs)} ms`);
    for (const answer of refused) assert.equal(answer.status, 503, JSON.stringify(answer));
    await untilIsolatedFor(4000, 0);

    await link.restore();
    for (const node of [a, b]) {
      await until("it is ready again", async () => (await readiness(node)).ready, 20_000);
    }
    for (const [index, taskId] of tasks.entries()) {
      const again = await give(taskId, (index + 1) % 2);
      // As a script asks again: what was answered 200 is there, the rest may be, where only the answer was lost.
      const expected = statuses[index] === 200 ? [409] : [200, 409];
      assert.ok(expected.includes(again.status), `${statuses[index]}, then ${JSON.stringify(again)}`);
    }
    const newest = await client.isolate(sensorId, 6000, 0);
    assert.equal(newest.status, 200);
    await untilIsolatedFor(6000, 30_000);
    for (const taskId of tasks) {
      await until("the task ends", async () => (await client.task(taskId)).body.state === "completed", 30_000);
    }
    assert.deepEqual(readFileSync(marks, "utf8").trim().split("\n").sort(), tasks.sort(), "each task ran once");
    const check = await a.admin<{ intact: boolean }>("audit", "verify");
    assert.ok(check.intact, JSON.stringify(check));
  });
}
