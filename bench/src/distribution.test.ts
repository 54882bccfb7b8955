import assert from "node:assert/strict";
import { test } from "node:test";
import { median, quantile } from "./distribution.ts";

test("a quantile is a value that was measured, whatever the order", () => {
  assert.equal(median([3, 1, 2]), 2);
  const hundred = Array.from({ length: 100 }, (_, index) => 99 - index);
  assert.equal(quantile(hundred, 0.99), 99);
  assert.equal(quantile(hundred, 0), 0);
  assert.equal(quantile([7], 1), 7);
});

test("nothing measured is an error, not a zero", () => {
  assert.throws(() => median([]));
});
