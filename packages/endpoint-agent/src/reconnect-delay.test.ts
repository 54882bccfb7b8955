import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { reconnectDelayMs } from "./reconnect-delay.ts";

test("the wait lies anywhere between nothing and a doubling time that ends at a minute", () => {
  const spread = (failures: number) => reconnectDelayMs({ failures, random: () => 1 });
  assert.deepEqual([0, 1, 2, 6, 7, 1000].map(spread), [500, 1000, 2000, 32_000, 60_000, 60_000]);
  assert.equal(reconnectDelayMs({ failures: 5, random: () => 0 }), 0);
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
