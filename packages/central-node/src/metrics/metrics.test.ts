import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import Fastify from "fastify";
import { openDatabase } from "../database/database.ts";
import { testDatabases } from "../database/test-databases.ts";
import { createHealth } from "./health.ts";
import { createMetrics } from "./metrics.ts";

const [sqlite] = testDatabases;

async function start(t: TestContext, { nudgesConnected = true } = {}) {
  assert.ok(sqlite);
  const database = await openDatabase(await sqlite.locate(t));
  t.after(() => database.close());
  const health = createHealth({ database, nudges: { isConnected: () => nudgesConnected } });
  const metrics = createMetrics();
  const app = metrics.app(health);
  t.after(() => app.close());
  const get = async (url: string) => {
    const answer = await app.inject({ method: "GET", url });
    return { status: answer.statusCode, text: answer.body, type: String(answer.headers["content-type"]) };
  };
  return {
    database,
    health,
    metrics,
    get,
    ready: async () => {
      const { status, text } = await get("/health/ready");
      return [status, JSON.parse(text)];
    },
    /** The lines of one metric, without those that explain it. */
    async read(name: string) {
      const { text } = await get("/metrics");
      return text.split("\n").filter((line) => line.startsWith(name));
    },
  };
}

test("a node is ready while its database answers and it is not closing, and live all the time", async (t) => {
  const { health, ready, get } = await start(t);
  assert.deepEqual(await ready(), [200, { ready: true, checks: { database: true, nudges: true, closing: false } }]);
  health.startClosing();
  assert.deepEqual(await ready(), [503, { ready: false, checks: { database: true, nudges: true, closing: true } }]);
  assert.deepEqual((await get("/health/live")).text, '{"status":"ok"}');
});

test("a node whose database is away is not ready; without nudges it is, and says so", async (t) => {
  const { database, ready } = await start(t, { nudgesConnected: false });
  assert.deepEqual(await ready(), [200, { ready: true, checks: { database: true, nudges: false, closing: false } }]);
  await database.close();
  assert.deepEqual(await ready(), [503, { ready: false, checks: { database: false, nudges: false, closing: false } }]);
});

test("numbers at hand are told while the database is away; what only that knows is not a number", async (t) => {
  const { metrics, read } = await start(t);
  metrics.read({
    agentsConnected: () => 7,
    agentsShed: () => 0,
    agentsWaiting: () => 0,
    strangersRefused: () => ({}),
    oldestOrderAgeSec: () => Promise.reject(new Error("the database is away")),
  });
  assert.deepEqual(await read("cordon_agents_connected"), ["cordon_agents_connected 7"]);
  assert.match(String(await read("cordon_oldest_order_age_seconds")), /^cordon_oldest_order_age_seconds NaN$/i);
});

test("orders and their outcomes are counted by response action", async (t) => {
  const { metrics, read } = await start(t);
  metrics.ordered("network-isolation");
  metrics.ordered("network-isolation");
  metrics.outcome("network-isolation", "in-effect");
  metrics.outcome("run-process", "failed");
  assert.deepEqual(await read("cordon_orders_total"), ['cordon_orders_total{action="network-isolation"} 2']);
  assert.deepEqual(await read("cordon_order_outcomes_total"), [
    'cordon_order_outcomes_total{action="network-isolation",outcome="in-effect"} 1',
    'cordon_order_outcomes_total{action="run-process",outcome="failed"} 1',
  ]);
});

test("requests are counted by surface, method and status, never by path, which is a stranger's to choose", async (t) => {
  const { metrics, read } = await start(t);
  const app = Fastify();
  t.after(() => app.close());
  metrics.observe(app, "response-api");
  app.get("/there", () => ({}));
  for (const url of ["/there", "/there", "/not", "/neither"]) await app.inject({ method: "GET", url });
  assert.deepEqual(await read("cordon_request_duration_seconds_count"), [
    'cordon_request_duration_seconds_count{surface="response-api",method="GET",status="200"} 2',
    'cordon_request_duration_seconds_count{surface="response-api",method="GET",status="404"} 2',
  ]);
});

test("what the node can tell at any time is read when it is asked for, with the event loop's lag", async (t) => {
  const { metrics, read, get } = await start(t);
  let agents = 3;
  metrics.read({
    agentsConnected: () => agents,
    agentsWaiting: () => 5,
    agentsShed: () => 7,
    strangersRefused: () => ({ pending: 2 }),
    oldestOrderAgeSec: async () => 1.5,
  });
  assert.deepEqual(await read("cordon_agents_connected"), ["cordon_agents_connected 3"]);
  agents = 4;
  assert.deepEqual(await read("cordon_agents_connected"), ["cordon_agents_connected 4"]);
  assert.deepEqual(await read("cordon_agents_waiting"), ["cordon_agents_waiting 5"]);
  assert.deepEqual(await read("cordon_agent_connections_shed"), ["cordon_agent_connections_shed 7"]);
  assert.deepEqual(await read("cordon_strangers_refused"), ['cordon_strangers_refused{reason="pending"} 2']);
  assert.deepEqual(await read("cordon_oldest_order_age_seconds"), ["cordon_oldest_order_age_seconds 1.5"]);
  assert.equal((await read("nodejs_eventloop_lag_seconds ")).length, 1);
  assert.match((await get("/metrics")).type, /^text\/plain/);
});

test("blocks are counted by kind, merged ones with all that they stand for, and those that hosts lost apart", async (t) => {
  const { metrics, read } = await start(t);
  metrics.blocked("denied", 1);
  metrics.blocked("denied", 41);
  metrics.blocked("killed", 2);
  metrics.blocksLost(7);
  assert.deepEqual(await read("cordon_blocks_total{"), [
    'cordon_blocks_total{kind="denied"} 42',
    'cordon_blocks_total{kind="killed"} 2',
  ]);
  assert.deepEqual(await read("cordon_blocks_lost_total"), ["cordon_blocks_lost_total 7"]);
});

test("two sets of metrics in one process do not mix", async (t) => {
  const [one, two] = [await start(t), await start(t)];
  one.metrics.ordered("prevention");
  assert.deepEqual(await two.read("cordon_orders_total{"), []);
});
