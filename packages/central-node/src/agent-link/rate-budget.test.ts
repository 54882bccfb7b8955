import assert from "node:assert/strict";
import { test } from "node:test";
import { createRateBudget } from "./rate-budget.ts";

test("one second's worth is taken at once, the rest is refused", () => {
  const budget = createRateBudget({ perSec: 3, nowMs: () => 0 });
  assert.deepEqual(
    Array.from({ length: 5 }, () => budget.take()),
    [true, true, true, false, false],
  );
});

test("the budget fills up again with time, and never beyond one second's worth", () => {
  let ms = 0;
  const budget = createRateBudget({ perSec: 2, nowMs: () => ms });
  const taken = () => Array.from({ length: 5 }, () => budget.take()).filter(Boolean).length;
  assert.equal(taken(), 2);
  ms += 499;
  assert.equal(taken(), 0);
  ms += 1;
  assert.equal(taken(), 1);
  ms += 3_600_000;
  assert.equal(taken(), 2);
});
