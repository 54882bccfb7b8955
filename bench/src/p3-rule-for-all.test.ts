import assert from "node:assert/strict";
import { test } from "node:test";
import { p3 } from "./p3-rule-for-all.ts";

// Whether the targets are met is for a quiet machine to say, and not for a test.
test("P3 measures a rule on all of its hosts beside its floor", async () => {
  const rows = await p3({ hosts: 20, rounds: 2, manyHashes: 100 });
  assert.equal(rows.length, 2);
  for (const row of rows) {
    assert.equal(row.id, "P3");
    assert.ok(row.value > 0 && row.floor > 0, JSON.stringify(row));
    assert.ok(Math.abs(row.ratio - row.value / row.floor) < 1e-9, JSON.stringify(row));
  }
});
