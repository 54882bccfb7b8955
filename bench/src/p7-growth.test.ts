import assert from "node:assert/strict";
import { test } from "node:test";
import { p7 } from "./p7-growth.ts";

test("P7 measures fleets of several sizes, and holds what a host costs in each against the smallest", async () => {
  const rows = await p7({ sizes: [5, 20], rounds: 1, seconds: 0.3 });
  assert.deepEqual(
    rows.map(({ figure }) => figure.split(":")[0]),
    [
      "rule of ten hashes for all",
      "rule of ten hashes for all",
      "GET sensors of one host",
      "POST isolation",
      "GET sensors of all hosts",
    ],
  );
  for (const row of rows) {
    assert.match(row.spread, /^5: \d+ .*; 20: \d+ /);
    // So short a run says nothing, whatever came of it.
    assert.equal(row.met, false);
  }
});
