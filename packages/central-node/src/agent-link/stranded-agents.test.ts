import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLog } from "../test-services.ts";
import { createStrandedAgents } from "./stranded-agents.ts";

/** A node with ten agents; those that are let go are gone from it. */
function start() {
  const here = new Set(Array.from({ length: 10 }, (_, index) => `host${index}`));
  const gone: string[] = [];
  let [ms, databaseIsThere] = [0, true];
  const stranded = createStrandedAgents({
    connections: () =>
      [...here].map((key) => ({
        key,
        letGo() {
          here.delete(key);
          gone.push(key);
        },
      })),
    canServe: async () => databaseIsThere,
    letGoAtOnce: 4,
    nowMs: () => ms,
    log: silentLog,
  });
  return {
    gone,
    lose() {
      databaseIsThere = false;
    },
    find() {
      databaseIsThere = true;
    },
    /** Looks every second. `each`: what happens in each of them. */
    async pass(seconds: number, each = (_second: number) => {}) {
      for (let second = 0; second < seconds; second++) {
        await stranded.look();
        each(second);
        ms += 1000;
      }
    },
    returned: stranded.returned,
  };
}

test("agents stay where the database is there, and where it is away for less than half a minute", async () => {
  const node = start();
  await node.pass(100);
  node.lose();
  await node.pass(29);
  node.find();
  await node.pass(1);
  node.lose();
  await node.pass(29);
  assert.deepEqual(node.gone, []);
});

test("where a few agents that are sent to look do not come back, others serve: all are let go, some at a time", async () => {
  const node = start();
  node.lose();
  await node.pass(31);
  assert.deepEqual(node.gone, ["host0", "host1", "host2"]);
  // This node is the first in its list: it asks here once, and then elsewhere.
  node.returned("host1");
  await node.pass(59);
  assert.equal(node.gone.length, 3);
  await node.pass(1);
  assert.equal(node.gone.length, 7);
  await node.pass(1);
  assert.equal(node.gone.length, 10);
});

test("where one of them comes back again, nobody serves: the others stay, and it is tried again later", async () => {
  const node = start();
  node.lose();
  await node.pass(31);
  await node.pass(200, (second) => second % 10 === 0 && node.returned("host2"));
  assert.deepEqual(node.gone, ["host0", "host1", "host2"]);
  await node.pass(160);
  assert.deepEqual(node.gone, ["host0", "host1", "host2", "host3", "host4", "host5"]);
});

test("a database that is back ends it, and the next time agents are sent to look anew", async () => {
  const node = start();
  node.lose();
  await node.pass(31);
  node.find();
  await node.pass(100);
  assert.equal(node.gone.length, 3);
  node.lose();
  await node.pass(30);
  assert.equal(node.gone.length, 3);
  await node.pass(1);
  assert.equal(node.gone.length, 6);
});
