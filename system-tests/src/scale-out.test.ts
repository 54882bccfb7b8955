/** Central Nodes behind haproxy on one PostgreSQL: one may go, hang, or lose its database; the others serve, and its agents move. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import pg from "pg";
import { curlAs } from "./external-system.ts";
import { until } from "./namespaces.ts";
import { agentsOf, createScaleOutLab } from "./scale-out-lab.ts";
import { readiness } from "./two-central-nodes-lab.ts";

test("Central Nodes behind haproxy", async (t) => {
  const flags = ["--agent-heartbeat-sec", "1"];
  const lab = await createScaleOutLab(t, { nodeCount: 2, flags });
  const { nodes, balancer, system, client, postgres, database } = lab;
  const hosts = await lab.enrolHosts(4);
  let seconds = 3600;
  // A connection of its own for each request: one that was kept may be to a node that was just taken out.
  const anyone = curlAs(system, balancer);
  const [a, b] = nodes;
  assert.ok(a !== undefined && b !== undefined);
  const untilUp = (expected: number[]) =>
    until(`haproxy sends to ${expected}`, async () => `${await balancer.up()}` === `${expected}`, 20_000);
  const administer = async (statement: string) => {
    const administrator = new pg.Client({ connectionString: database });
    await administrator.connect();
    await administrator.query(statement);
    await administrator.query("select pg_reload_conf()");
    await administrator.end();
  };
  const answered = async () => (await anyone.get("sensors")).status;
  /** An order for each host, given to each Central Node named, is in force. */
  async function insistThatOrdersArrive(through: number[]) {
    for (const index of through) {
      seconds += 1;
      const answers = await Promise.all(hosts.map(({ sensorId }) => client.isolate(sensorId, seconds, index + 1)));
      assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
      await Promise.all(hosts.map((host) => host.untilIsolatedFor(seconds)));
    }
  }
  const untilHeld = (expected: (counts: [number, number]) => boolean) =>
    until(
      "agents are where they belong",
      async () => {
        const counts = (await Promise.all([a, b].map((node) => agentsOf(node)))) as [number, number];
        return hosts.every((host) => host.isConnected()) && counts[0] + counts[1] === hosts.length && expected(counts);
      },
      // After an outage for all they wait, each for a while of its own.
      60_000,
    );

  await t.test("agents are spread over the nodes, and an order given to any of them reaches each host", async () => {
    await untilHeld(([atA, atB]) => atA > 0 && atB > 0);
    await insistThatOrdersArrive([0, 1]);
  });

  await t.test("one that is killed is left out until it is back", async () => {
    await a.kill();
    await untilHeld(([, atB]) => atB === hosts.length);
    await untilUp([1]);
    assert.equal(await answered(), 200);
    await insistThatOrdersArrive([1]);
    await a.restart();
    await untilUp([0, 1]);
    await insistThatOrdersArrive([0]);
  });

  await t.test("the agents of one that ends in good order move at once", async () => {
    const stopping = a.kill("SIGTERM");
    await untilHeld(([, atB]) => atB === hosts.length);
    await stopping;
    await insistThatOrdersArrive([1]);
    await a.restart();
    await untilUp([0, 1]);
  });

  await t.test(
    "one that hangs with orders under way is left out, and adds nothing that is older when it goes on",
    async () => {
      const taskIds = hosts.map(() => randomUUID());
      const underWay = hosts.flatMap(({ sensorId }, index) => [
        client.runShell(taskIds[index] ?? "", sensorId, `echo ${taskIds[index]}`, 1),
        client.isolate(sensorId, 90_000 + index, 1),
      ]);
      await Promise.race(underWay);
      a.pause();
      await untilUp([1]);
      await untilHeld(([, atB]) => atB === hosts.length);
      await insistThatOrdersArrive([1]);
      a.resume();
      const outcomes = await Promise.allSettled(underWay);
      for (const outcome of outcomes) {
        if (outcome.status === "fulfilled")
          assert.ok([200, 503].includes(outcome.value.status), JSON.stringify(outcome));
      }
      await untilUp([0, 1]);
      await until("each task that was accepted has ended", async () => {
        const tasks = await Promise.all(taskIds.map((taskId) => client.task(taskId, 2)));
        return tasks.every(({ status, body }) => status === 404 || body.state === "completed");
      });
      for (const host of hosts) {
        const { body } = await client.setting(host.sensorId, "network_isolation", 2);
        await host.untilIsolatedFor((body.settings as { autoTurnoffTimeoutInSec: number }).autoTurnoffTimeoutInSec);
        assert.ok(
          host.runs().every((count) => count === 1),
          "no task ran twice",
        );
      }
      await insistThatOrdersArrive([0, 1]);
      const check = await b.admin<{ intact: boolean }>("audit", "verify");
      assert.ok(check.intact, JSON.stringify(check));
    },
  );

  await t.test("one that is cut off from the database is left out, and comes back by itself", async () => {
    await b.link.refuse();
    await untilUp([0]);
    assert.equal(await answered(), 200);
    await b.link.restore();
    await untilUp([0, 1]);
  });

  await t.test("a database that only reads, as a standby does, makes no node ready", async () => {
    await administer("alter system set default_transaction_read_only = on");
    for (const node of nodes) await until("it is not ready", async () => !(await readiness(node)).ready);
    await administer("alter system reset default_transaction_read_only");
    await untilUp([0, 1]);
  });

  for (const signal of ["SIGINT", "SIGKILL"] as const) {
    await t.test(`PostgreSQL ended by ${signal} and started again: every node is back by itself`, async () => {
      await postgres.end(signal);
      await untilUp([]);
      await postgres.start();
      await untilUp([0, 1]);
      assert.equal(await answered(), 200);
    });
  }

  await t.test("PostgreSQL that stands still: no node is ready until it goes on", async () => {
    postgres.pause();
    await untilUp([]);
    postgres.resume();
    await untilUp([0, 1]);
    await untilHeld(() => true);
    await insistThatOrdersArrive([0, 1]);
    const check = await a.admin<{ intact: boolean }>("audit", "verify");
    assert.ok(check.intact, JSON.stringify(check));
  });
});
