/** The primary PostgreSQL dies and its synchronous standby takes over: whatever was accepted is there, and nothing twice. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { startPostgres } from "@cordon/central-node/test-postgres";
import pg from "pg";
import { until } from "./namespaces.ts";
import { createScaleOutLab } from "./scale-out-lab.ts";
import { readiness } from "./two-central-nodes-lab.ts";

async function ask<Row extends pg.QueryResultRow>(server: string, ...statements: string[]): Promise<Row[]> {
  const client = new pg.Client({ connectionString: `${server}/postgres` });
  await client.connect();
  try {
    let rows: Row[] = [];
    for (const statement of statements) rows = (await client.query<Row>(statement)).rows;
    return rows;
  } finally {
    await client.end();
  }
}

test("PostgreSQL fails over to a synchronous standby while orders are given", async (t) => {
  const lab = await createScaleOutLab(t, { nodeCount: 2, flags: ["--agent-heartbeat-sec", "1"] });
  const { nodes, client, postgres } = lab;
  const standby = await startPostgres({ standbyOf: postgres });
  t.after(() => standby.stop());
  const isSynchronous = async () => {
    const rows = await ask<{ sync_state: string }>(postgres.url, "select sync_state from pg_stat_replication");
    return rows.some(({ sync_state }) => sync_state === "sync");
  };
  await ask(postgres.url, "alter system set synchronous_standby_names = 'standby'", "select pg_reload_conf()");
  await until("the standby is synchronous", isSynchronous);
  const hosts = await lab.enrolHosts(3);
  const lineageOf = async (server: string) =>
    (await ask<{ value: string }>(server, "select value from meta where key = 'lineage'"))[0]?.value;
  const lineage = await lineageOf(postgres.url);

  // Scripts give orders until the end; what is answered 200 has to be there afterwards.
  const accepted: string[] = [];
  const unsure: string[] = [];
  let stopped = false;
  async function script(index: number) {
    const host = hosts[index % hosts.length];
    while (!stopped && host !== undefined) {
      const taskId = randomUUID();
      const answer = await client
        .runShell(taskId, host.sensorId, `echo ${taskId}`, 1 + (index % 2))
        .catch(() => ({ status: 0 }));
      assert.ok([200, 503, 0].includes(answer.status), `${answer.status}`);
      (answer.status === 200 ? accepted : unsure).push(taskId);
    }
  }
  const scripts = Promise.all([0, 1, 2, 3].map(script));
  await until("orders are accepted", () => accepted.length > 12);

  await postgres.end("SIGKILL");
  const before = accepted.length;
  const startedMs = performance.now();
  await ask(standby.url, "select pg_promote(true, 60)");
  for (const { link } of nodes) link.pointTo(standby.url);
  for (const node of nodes) await until("it is ready again", async () => (await readiness(node)).ready, 20_000);
  const readyMs = performance.now() - startedMs;
  await until("orders are accepted again", () => accepted.length > before + 12);
  stopped = true;
  await scripts;
  t.diagnostic(
    `${accepted.length} accepted, ${unsure.length} not or unknown; ready ${Math.round(readyMs)} ms after the promotion was asked for`,
  );

  assert.equal(await lineageOf(standby.url), lineage);
  for (const [index, taskId] of accepted.entries()) {
    const hasEnded = async () => {
      const { status, body } = await client.task(taskId, 1 + (index % 2));
      assert.equal(status, 200, `task ${taskId} was accepted and is lost`);
      return body.state === "completed";
    };
    await until(`task ${taskId} has ended`, hasEnded, 30_000);
  }
  const runs = hosts.flatMap((host) => host.runs());
  assert.ok(runs.length >= accepted.length && runs.every((count) => count === 1), `each ran once: ${runs}`);
  for (const [index, host] of hosts.entries()) {
    assert.equal((await client.isolate(host.sensorId, 4000 + index, 0)).status, 200);
    await host.untilIsolatedFor(4000 + index);
  }
  for (const node of nodes) {
    const check = await node.admin<{ intact: boolean; entries: number }>("audit", "verify");
    assert.ok(check.intact && check.entries >= accepted.length, JSON.stringify(check));
  }
});
