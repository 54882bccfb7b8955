/**
 * Scripts give orders in parallel while the Central Node and agents are killed by -9 in turn: each accepted order is in effect
 * or reported failed, none is carried out twice. CORDON_TEST_SEED repeats a run's plan; only the timing differs then.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isolatedFor } from "./crash-file-isolation.ts";
import { until } from "./namespaces.ts";
import type { OrdersClient } from "./orders-under-fire-client.ts";
import { createFleet } from "./orders-under-fire-fleet.ts";
import { createRandom, planKills, planOrders } from "./orders-under-fire-plan.ts";
import { runScript, type Tally } from "./orders-under-fire-script.ts";

const scriptCount = 32;
const orderCount = 400;
/** What was accepted, and ran, between one kill and the next. */
const killEvery = 100;
/** A run takes about a minute; the machine may be busy with other tests. */
const timeout = 240_000;
const settleWithinMs = 90_000;

type Fleet = Awaited<ReturnType<typeof createFleet>>;
type Ends = Map<string, { state: unknown; error: unknown }>;

// Several Central Nodes on PostgreSQL are under fire in the chaos run.
test(`${orderCount} orders from ${scriptCount} scripts under fire`, { timeout }, async (t) => {
  const seed = Number(process.env.CORDON_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));
  t.diagnostic(`seed ${seed}`);
  const random = createRandom(seed);
  const startedMs = performance.now();
  const secondsSoFar = () => Math.round((performance.now() - startedMs) / 1000);
  const fleet = await createFleet(t);
  const upAfterSec = secondsSoFar();
  const orders = planOrders(
    orderCount,
    fleet.hosts.map(({ sensorId }) => sensorId),
    random,
  );
  const tally: Tally = { accepted: [], settingsSent: new Map(), retries: 0 };
  // Both what was accepted and what ran is progress: kills come while orders are given, and while they are carried out.
  const kills = planKills(2 * orderCount * 0.8, killEvery, random);
  const fire = fleet.killAlong(kills, () => tally.accepted.length + fleet.ran().size);
  const ends: Ends = new Map();
  let givenAfterSec: number;
  try {
    const { client, lineOf } = fleet;
    const needs = { client, orders, lineOf, tally };
    const scripts = Array.from({ length: scriptCount }, () => runScript(needs));
    await Promise.all(scripts);
    givenAfterSec = secondsSoFar();
    assert.equal(tally.accepted.length, orderCount);
    const tasks = tally.accepted.filter((order) => order.kind === "task").map(({ taskId }) => taskId);
    await until("every task has ended", () => collectEnds(client, tasks, ends), settleWithinMs);
  } finally {
    // Where one script failed the others must end as well.
    orders.length = 0;
    await fire.stop();
  }

  insistOnOnce(ends, fleet.ran());
  for (const host of fleet.hosts) await insistOnIsolation(fleet, host, tally);
  const check = await fleet.node.admin<{ intact: boolean; entries: number }>("audit", "verify");
  assert.ok(check.intact && check.entries >= ends.size, JSON.stringify(check));
  const failed = [...ends.values()].filter(({ state }) => state === "failed").length;
  t.diagnostic(
    `fleet up after ${upAfterSec} s, ${orderCount} orders accepted by ${givenAfterSec} s with ${tally.retries} retries: ${ends.size - failed} tasks completed, ${failed} failed AGENT_RESTARTED, ${orderCount - ends.size} settings; ${fire.counts.nodes} kills of Central Nodes, ${fire.counts.agents} of agents; ${secondsSoFar()} s`,
  );
  assert.ok(fire.counts.nodes > 1 && fire.counts.agents > 1, "there was fire");
});

/** `ran`: how often each task ran. */
function insistOnOnce(ends: Ends, ran: ReadonlyMap<string, number>): void {
  for (const [taskId, { state, error }] of ends) {
    const count = ran.get(taskId) ?? 0;
    if (state === "completed") {
      assert.equal(count, 1, `task ${taskId} is completed and ran ${count} times`);
    } else {
      assert.ok(state === "failed" && /^AGENT_RESTARTED: /.test(String(error)), `${taskId}: ${state}, ${error}`);
      assert.ok(count <= 1, `task ${taskId} ran ${count} times`);
    }
  }
  for (const taskId of ran.keys()) assert.ok(ends.has(taskId), `${taskId} ran and nobody ordered it`);
}

/** The newest isolation ordered is the one in force on the host, and known to be. */
async function insistOnIsolation({ client }: Fleet, host: Fleet["hosts"][number], tally: Tally): Promise<void> {
  const { sensorId, effectFile } = host;
  const state = await until(`${sensorId} reports its newest isolation`, () => newest(client, sensorId), settleWithinMs);
  const inForce = await client.setting(sensorId, "network_isolation");
  const ordered = (inForce.body.settings as { autoTurnoffTimeoutInSec?: number } | undefined) ?? {};
  assert.equal(isolatedFor(effectFile), ordered.autoTurnoffTimeoutInSec ?? null);
  assert.equal(state.state, inForce.status === 200 ? "in_effect" : "lifted");
  // One generation for each accepted isolation; for one whose answer was lost there may be a second.
  const isolations = tally.accepted.filter((order) => order.kind === "isolate" && order.sensorId === sensorId).length;
  const sent = tally.settingsSent.get(sensorId) ?? 0;
  const generation = state.orderedGeneration;
  assert.ok(isolations <= generation && generation <= sent, `${isolations} ≤ generation ${generation} ≤ ${sent}`);
}

/** Adds the ends that can be known by now. Reports whether that is all. */
async function collectEnds(client: OrdersClient, tasks: readonly string[], ends: Ends): Promise<boolean> {
  const open = tasks.filter((taskId) => !ends.has(taskId));
  for (const [index, taskId] of open.entries()) {
    let answer: Awaited<ReturnType<OrdersClient["task"]>>;
    try {
      answer = await client.task(taskId);
    } catch {
      // A Central Node is down at this very moment: asked again in the next round.
      return false;
    }
    const { state, error } = answer.body;
    if (["completed", "failed", "cancelled"].includes(String(state))) ends.set(taskId, { state, error });
    // Those that were given later are hardly further: no need to ask for each.
    else if (index > 20) return false;
  }
  return ends.size === tasks.length;
}

async function newest(client: OrdersClient, sensorId: string) {
  const sensor = await client.sensor(sensorId);
  const state = sensor?.settingStates.find(({ type, scope }) => type === "network_isolation" && scope === "host");
  return state !== undefined && state.reportedGeneration === state.orderedGeneration ? state : null;
}
