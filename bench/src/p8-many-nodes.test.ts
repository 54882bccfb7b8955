import assert from "node:assert/strict";
import { test } from "node:test";
import { p8 } from "./p8-many-nodes.ts";

test("P8 orders at the node that holds a host and at another one, and counts what the nodes cost together", async () => {
  const rows = await p8({ hosts: 10, isolations: 4, seconds: 1, nodeCounts: [1, 2] });
  assert.deepEqual(
    rows.map(({ figure }) => figure),
    ["isolation ordered at another of 2 nodes, median", "server CPU per agent on 2 nodes together"],
  );
  for (const { value, floor } of rows) assert.ok(value > 0 && floor > 0);
  // One node was measured once only, so nothing says how far its figure can be trusted.
  assert.equal(rows[1]?.met, false);
});
