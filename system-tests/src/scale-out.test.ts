/** Central Nodes behind haproxy on one PostgreSQL: one may go, or lose its database, and the others serve. */
import assert from "node:assert/strict";
import { test } from "node:test";
import pg from "pg";
import { curlAs } from "./external-system.ts";
import { until } from "./namespaces.ts";
import { createScaleOutLab } from "./scale-out-lab.ts";
import { readiness } from "./two-central-nodes-lab.ts";

test("Central Nodes behind haproxy", async (t) => {
  const { nodes, balancer, system, postgres, database } = await createScaleOutLab(t, { nodeCount: 2 });
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

  await t.test("one that is killed is left out until it is back", async () => {
    await a.kill();
    await untilUp([1]);
    assert.equal(await answered(), 200);
    await a.restart();
    await untilUp([0, 1]);
  });

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

  await t.test("PostgreSQL killed and started again: every node is back by itself", async () => {
    await postgres.end("SIGKILL");
    await untilUp([]);
    await postgres.start();
    await untilUp([0, 1]);
    assert.equal(await answered(), 200);
  });
});
