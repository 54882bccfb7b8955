import assert from "node:assert/strict";
import { test } from "node:test";
import { deadlineAfter, remainingMs } from "./deadline.ts";

const at = (bootId: string, bootMs: number, wallMs: number) => ({
  bootId,
  bootMs: () => bootMs,
  wallMs: () => wallMs,
  after: () => () => {},
});
const hour = 3_600_000;

test("within one boot the clock may be set to anything and the deadline stays where it was", () => {
  const deadline = deadlineAfter(2 * hour, at("b1", 5000, 1_000_000));
  assert.equal(remainingMs(deadline, at("b1", 5000 + hour, 1_000_000 + hour)), hour);
  assert.equal(remainingMs(deadline, at("b1", 5000 + hour, 0)), hour);
  assert.equal(remainingMs(deadline, at("b1", 5000 + hour, 1e15)), hour);
  assert.equal(remainingMs(deadline, at("b1", 5000 + 3 * hour, 0)), 0);
});

test("after a reboot only the remainder counts, and the time that the host was off counts as passed", () => {
  const deadline = deadlineAfter(2 * hour, at("b1", 5000, 1_000_000));
  assert.equal(remainingMs(deadline, at("b2", 10, 1_000_000 + hour)), hour);
  assert.equal(remainingMs(deadline, at("b2", 10, 1_000_000 + 3 * hour)), 0);
});

test("a clock that is set back across a reboot does not make it longer, and does not drop it", () => {
  const first = at("b1", 5000, 1_000_000_000);
  const deadline = deadlineAfter(2 * hour, first);
  assert.equal(remainingMs(deadline, at("b2", 10, 0)), 2 * hour);
  // Looked at again after an hour: what was left then is the most that may be left later.
  const refreshed = deadlineAfter(remainingMs(deadline, at("b1", 5000 + hour, 0)), at("b1", 5000 + hour, 0));
  assert.equal(remainingMs(refreshed, at("b2", 10, 0)), hour);
});
