import assert from "node:assert/strict";
import { test } from "node:test";
import { needsNamespaces } from "../../system-tests/src/namespaces.ts";
import { p1 } from "./p1-isolation.ts";

// Whether the target is met is for a quiet machine to say, and not for a test.
test("P1 measures isolations of a connected agent beside its floor", needsNamespaces, async () => {
  const row = await p1({ rounds: 3 });
  assert.equal(row.id, "P1");
  assert.ok(row.value > 0 && row.floor > 0, JSON.stringify(row));
  assert.ok(Math.abs(row.ratio - row.value / row.floor) < 1e-9, JSON.stringify(row));
});
