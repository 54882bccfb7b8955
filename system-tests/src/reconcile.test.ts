/**
 * Whatever is lost, repeated, late, killed or set to another time between a Central Node and an agent: once they can talk
 * again, what was ordered is what holds and what is reported, no task has started twice, and no isolation outlives its time.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { openDatabase } from "../../packages/central-node/src/database/database.ts";
import { soar } from "../../packages/central-node/src/test-services.ts";
import { createWorld, type World } from "./reconcile-world.ts";

const forMs = 45_000;
const [minute, hour] = [60_000, 3_600_000];

type Step = { what: string; do(world: World): unknown };
const step = <T>(what: string, input: fc.Arbitrary<T>, run: (world: World, input: T) => unknown): fc.Arbitrary<Step> =>
  input.map((value) => ({
    what: `${what} ${JSON.stringify(value) ?? ""}`,
    do: (world) => run(world, value),
    // What fast-check prints of a failing schedule.
    [fc.toStringMethod]: () => `${what}(${JSON.stringify(value) ?? ""})`,
  }));

const none = fc.constant(undefined);
const nudge = fc.boolean();
const jumpMs = fc.constantFrom(-30 * hour, -hour, -5 * minute, 5 * minute, hour, 30 * hour);
const orders = [
  step("isolate", nudge, (world, nudged) => world.isolate(nudged)),
  step("lift", nudge, (world, nudged) => world.lift(nudged)),
  step("createTask", fc.record({ quick: fc.boolean(), startNow: fc.boolean(), nudge }), (world, task) =>
    world.createTask(task),
  ),
  step(
    "changeTask",
    fc.record({ at: fc.nat({ max: 5 }), verb: fc.constantFrom("start", "cancel", "delete"), nudge }),
    (world, change) => world.changeTask(change),
  ),
];
const channel = [
  step("connect", none, (world) => world.connect()),
  step("exchange", none, (world) => world.exchange()),
  step("hear", none, (world) => world.hear()),
  step("late", none, (world) => world.late()),
  step("toNode", fc.record({ which: fc.nat({ max: 2 }), count: fc.integer({ min: 1, max: 3 }) }), (world, some) =>
    world.toNode(some),
  ),
  step("toAgent", fc.integer({ min: 1, max: 3 }), (world, count) => world.toAgent(count)),
  step("cut", fc.constantFrom("agent", "node"), (world, side) => world.cut(side)),
];
const trouble = [
  step("restart", fc.boolean(), async (world, reboot) => {
    await world.kill(reboot);
    await world.start();
  }),
  step("kill", fc.boolean(), (world, reboot) => world.kill(reboot)),
  step("start", none, (world) => world.start()),
  step("restartNode", none, (world) => world.restartNode()),
  step("hold", fc.constantFrom("before", "after"), (world, hold) => {
    world.host.hold = hold;
  }),
  step("release", none, release),
  step("pass", fc.constantFrom(1000, 61_000, 10 * minute, 59 * minute, 2 * hour), (world, ms) => world.pass(ms)),
  step("endPrograms", none, (world) => world.host.endPrograms()),
];
/** Rarer: each makes a run harder to judge. */
const oddities = [
  step("jumpNode", jumpMs, (world, ms) => world.jumpNode(ms)),
  step("jumpAgent", jumpMs, (world, ms) => world.jumpAgent(ms)),
  step("fails", fc.boolean(), (world, fails) => {
    world.host.fails = fails;
  }),
  step("able", fc.boolean(), (world, able) => {
    world.host.able = able;
  }),
  step("expireOverdue", none, (world) => world.services().tasks.expireOverdue()),
];

function release(world: World) {
  world.host.hold = "none";
  world.host.release();
}

const schedule = fc.array(
  fc.record({
    step: fc.oneof(
      { weight: 3, arbitrary: fc.oneof(...orders) },
      { weight: 4, arbitrary: fc.oneof(...channel) },
      { weight: 3, arbitrary: fc.oneof(...trouble) },
      { weight: 1, arbitrary: fc.oneof(...oddities) },
    ),
    /** Whether the next step waits until all that follows from this one is done. */
    settle: fc.boolean(),
  }),
  { minLength: 1, maxLength: 60, size: "max" },
);

test("after any schedule of orders and trouble both sides agree, and nothing was done twice or too long", async (t) => {
  // What a disk keeps is the crash tests' matter; in memory there are ten times the schedules.
  const folder = await mkdtemp(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "cordon-reconcile-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const database = await openDatabase(join(folder, "cordon.db"));
  t.after(() => database.close());
  let [runs, tasks, isolations] = [0, 0, 0];
  await fc.assert(
    fc.asyncProperty(schedule, async (steps) => {
      const world = await createWorld(database);
      try {
        for (const { step, settle } of steps) {
          await step.do(world);
          if (settle) await world.settle();
          assert.deepEqual(world.wrong, []);
        }
        await heal(world);
        await checkAgreement(world);
        await world.pass(2 * hour);
        await world.exchange();
        await checkAgreement(world);
        assert.equal(world.host.isolation(), null, "an isolation is in force past its time");
        assert.deepEqual(world.wrong, []);
      } finally {
        await world.kill(false);
        // So that the next schedule's sweep does not meet what this one left.
        await world.services().hosts.remove(world.sensorId, soar);
      }
      runs += 1;
      tasks += world.tasks.length;
      isolations += world.isolations.length;
    }),
    { numRuns: 1_000_000, interruptAfterTimeLimit: forMs },
  );
  t.diagnostic(`${runs} schedules, ${isolations} isolations, ${tasks} tasks`);
  assert.ok(runs >= 20, `only ${runs} schedules were run`);
});

/** The trouble is over: what was held goes on, the agent runs, the two are connected, and programs come to their end. */
async function heal(world: World) {
  world.host.fails = false;
  world.host.able = true;
  release(world);
  await world.settle();
  await world.start();
  world.connect();
  await world.exchange();
  // The agent looks after its host every minute, and says what changed.
  await world.pass(2 * minute);
  await world.exchange();
  for (let round = 0; round < 30; round++) {
    world.host.endPrograms();
    await world.exchange();
  }
  // And only now the node hears what was said on connections long given up.
  world.late();
  await world.exchange();
}

async function checkAgreement(world: World) {
  await checkIsolation(world);
  for (const { taskId, program, startNow, givenUp, mustNotStart } of world.tasks) {
    const task = await world.readTask(taskId);
    const known = `${program}: ${task.state} ${task.reason ?? ""}, started ${world.host.startsOf(program)} times`;
    if (!startNow && !givenUp) {
      assert.deepEqual([task.state, world.host.startsOf(program)], ["waiting", 0], known);
      continue;
    }
    assert.ok(task.finished_at !== null, `${known}: never came to an end`);
    assert.ok(["completed", "failed", "cancelled"].includes(task.state), known);
    if (mustNotStart) assert.equal(world.host.startsOf(program), 0, `${known}: after it was said to be cancelled`);
    if (task.state === "completed") assert.equal(world.host.startsOf(program), 1, known);
    if (task.state === "failed") assert.ok(task.reason !== null, known);
    const undisturbed = world.happened.kills === 0 && world.happened.nodeJumps === 0 && !givenUp;
    if (undisturbed) assert.equal(task.state, "completed", known);
  }
  assert.equal(world.host.journal.spool.count(), 0, "a report was never acknowledged");
}

async function checkIsolation(world: World) {
  const host = await world.services().hosts.find(world.sensorId);
  assert.ok(host !== null);
  const [state] = (await world.services().settings.listStates([host])).get(world.sensorId) ?? [];
  const held = world.host.journal.settings.find("network-isolation", "host");
  const inKernel = world.host.isolation();
  if (state === undefined) return assert.deepEqual([held, inKernel], [null, null], "an isolation that nobody ordered");
  assert.equal(held?.generation, state.orderedGeneration, "the agent has the newest order");
  assert.equal(state.reportedGeneration, state.orderedGeneration, "and has reported on it");
  const wanted = await world.services().settings.findInForce(world.sensorId, "network-isolation");
  const newest = world.isolations.at(-1);
  assert.ok(newest !== undefined);
  if (inKernel !== null) {
    assert.equal(inKernel.lifetimeSec, newest.lifetimeSec, "an older wish is in force");
    // By the node's clock it may be over, and is not known to be over on the host.
    assert.equal(state.state, wanted === null ? "pending" : "in-effect");
    assert.ok(state.endsAt !== null, "lifted, but in force");
    return;
  }
  assert.equal(state.state, "lifted");
  const { nodeJumps, agentBackMs, reboots } = world.happened;
  const clocksWereTrue = nodeJumps === 0 && (agentBackMs === 0 || reboots === 0);
  const isTime = world.realMs() >= newest.atMs + newest.lifetimeSec * 1000 - 1000;
  if (wanted !== null && clocksWereTrue) assert.ok(isTime, "it ended before its time");
}
