import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { reconnectDelayMs } from "./reconnect-delay.ts";

test("the wait lies anywhere between nothing and a time that grows by half, and ends at a minute", () => {
  const spread = (failures: number) => reconnectDelayMs({ failures, random: () => 1 });
  assert.deepEqual([0, 1, 2, 12, 1000].map(spread), [500, 750, 1125, 60_000, 60_000]);
  assert.equal(reconnectDelayMs({ failures: 5, random: () => 0 }), 0);
});

test("after an outage the wait that is left is about as long as the outage was, and no longer", () => {
  let awayMs = 0;
  for (let failures = 0; failures < 11; failures += 1) {
    assert.ok(reconnectDelayMs({ failures, random: () => 1 }) <= awayMs + 500);
    awayMs += reconnectDelayMs({ failures, random: () => 0.5 });
  }
});

test("a Retry-After is waited out in full, up to five minutes, and jitter comes on top", () => {
  assert.equal(reconnectDelayMs({ failures: 0, retryAfterMs: 7000, random: () => 0.5 }), 7250);
  fc.assert(
    fc.property(
      fc.nat(),
      fc.double({ noNaN: true }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (failures, retryAfterMs, random) => {
        const waitMs = reconnectDelayMs({ failures, retryAfterMs, random: () => random });
        assert.ok(waitMs >= 0 && waitMs <= 360_000);
      },
    ),
  );
});
