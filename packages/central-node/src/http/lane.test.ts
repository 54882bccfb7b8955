import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { createLane, type LaneLimits } from "./lane.ts";

function start(limits: Partial<LaneLimits> = {}) {
  const lane = createLane({
    atOnce: 2,
    turnMs: null,
    perTurn: 10,
    maxWaiting: 10,
    maxWaitMs: 60_000,
    maxUnderWayMs: 60_000,
    ...limits,
  });
  const log: string[] = [];
  const queue = (name: string) =>
    lane.queue(
      () => log.push(`${name} in`),
      () => log.push(`${name} gave up`),
    );
  return { lane, queue, log };
}

/** Until whoever may come in has. */
async function settled() {
  for (let turn = 0; turn < 4; turn += 1) await setImmediate();
}

test("so many are let in, and the next when one has arrived, first come first served", async () => {
  const { queue, log, lane } = start();
  const [a, b] = ["a", "b", "c", "d"].map(queue);
  await settled();
  assert.deepEqual([log, lane.waiting()], [["a in", "b in"], 2]);
  b?.();
  b?.();
  await settled();
  assert.deepEqual(log, ["a in", "b in", "c in"]);
  a?.();
  await settled();
  assert.deepEqual([log.at(-1), lane.waiting()], ["d in", 0]);
});

test("one turn of the event loop lets no more in than it should", async () => {
  const { queue, log } = start({ atOnce: 100, perTurn: 3 });
  for (const name of "abcdefg") queue(name);
  const counts: number[] = [];
  for (let turn = 0; turn < 7; turn += 1) {
    await setImmediate();
    counts.push(log.length);
  }
  // Every other one: in between it is seen how long they take.
  assert.deepEqual(counts, [3, 3, 6, 6, 7, 7, 7]);
});

test("fewer are under way where turns of the event loop become long, and more where all wait for the network", async () => {
  const underWayWhen = async (turnMs: number) => {
    let ms = 0;
    const { queue, log } = start({ atOnce: 64, turnMs: 5, maxWaiting: 1000, workedMs: () => ms });
    const leave = Array.from({ length: 600 }, (_, index) => queue(String(index)));
    let left = 0;
    for (let turn = 0; turn < 200; turn += 1) {
      ms += turnMs;
      // One arrives each second turn.
      if (turn % 2 === 0 && left < log.length) leave[left++]?.();
      await setImmediate();
    }
    return log.length - left;
  };
  assert.ok((await underWayWhen(1)) > 40);
  assert.ok((await underWayWhen(6)) <= 16);
});

test("nobody is let in while more are to be taken into the line, but not for long", async () => {
  let busy = true;
  const { queue, log } = start({ holdBack: () => busy });
  queue("a");
  await settled();
  busy = false;
  await settled();
  assert.deepEqual(log, ["a in"]);
  busy = true;
  queue("b");
  const endMs = performance.now() + 10_000;
  while (log.length < 2 && performance.now() < endMs) await setImmediate();
  assert.deepEqual(log, ["a in", "b in"]);
});

test("who goes away while it waits takes no one's turn", async () => {
  const { queue, log, lane } = start({ atOnce: 1 });
  const [a, b] = ["a", "b", "c"].map(queue);
  b?.();
  assert.equal(lane.waiting(), 2);
  a?.();
  await settled();
  assert.deepEqual(log, ["c in"]);
});

test("more than may wait are turned away and counted", () => {
  const { queue, lane } = start({ maxWaiting: 2 });
  assert.deepEqual(
    ["a", "b", "c"].map((name) => queue(name) === null),
    [false, false, true],
  );
  assert.equal(lane.shed(), 1);
});

test("who dawdles inside keeps nobody out, and who has waited too long is told so", async () => {
  const dawdling = start({ atOnce: 1, maxUnderWayMs: 0 });
  for (const name of "ab") dawdling.queue(name);
  await settled();
  dawdling.lane.sweep();
  await settled();
  assert.deepEqual(dawdling.log, ["a in", "b in"]);

  const waiting = start({ atOnce: 1, maxWaitMs: 0 });
  for (const name of "abc") waiting.queue(name);
  await settled();
  waiting.lane.sweep();
  assert.deepEqual(waiting.log, ["a in", "b gave up", "c gave up"]);
  assert.deepEqual([waiting.lane.waiting(), waiting.lane.shed()], [0, 2]);
});

test("a long line keeps its order", async () => {
  const { queue, log, lane } = start({ atOnce: 1, perTurn: 1, maxWaiting: 5000 });
  const names = Array.from({ length: 1500 }, (_, index) => String(index));
  const leave = names.map(queue);
  for (const one of leave) {
    await settled();
    one?.();
  }
  assert.deepEqual(
    log,
    names.map((name) => `${name} in`),
  );
  assert.equal(lane.waiting(), 0);
});
