import assert from "node:assert/strict";
import { test } from "node:test";
import { contentOf } from "./chaos-history.ts";
import { longestFaultMs, planChaos } from "./chaos-plan.ts";

const sensorIds = ["a", "b", "c"];
const sizes = { sensorIds, nodes: 3, agents: 2, durationMs: 600_000, ordersPerSec: 5 };

test("a seed names a plan", () => {
  assert.deepEqual(planChaos(7, sizes), planChaos(7, sizes));
  assert.notDeepEqual(planChaos(7, sizes), planChaos(8, sizes));
});

test("ten minutes hold every kind of fault and of order, and no victim has two faults at a time", () => {
  for (const seed of [1, 2, 3]) {
    const { faults, orders } = planChaos(seed, sizes);
    assert.equal(new Set(faults.map(({ what, kind }) => `${what} ${kind}`)).size, 11);
    assert.equal(new Set(orders.map(({ order }) => `${order.kind} ${order.target === "all"}`)).size, 7);
    for (const [, own] of Map.groupBy(faults, ({ what, which }) => `${what} ${which}`)) {
      for (const [index, fault] of own.entries()) {
        assert.ok(fault.lastsMs <= longestFaultMs);
        const next = own[index + 1];
        assert.ok(next === undefined || fault.atMs + fault.lastsMs < next.atMs);
      }
    }
  }
});

test("no two orders wish for the same, and no two tasks share an ID", () => {
  const orders = planChaos(1, sizes).orders.map(({ order }) => order);
  const names = orders.flatMap((order) => (order.kind === "run" ? [order.taskId] : [contentOf(order)]));
  const named = names.filter((name) => name !== null);
  assert.equal(new Set(named).size, named.length);
});
