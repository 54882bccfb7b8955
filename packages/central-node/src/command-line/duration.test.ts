import assert from "node:assert/strict";
import { test } from "node:test";
import { parseDurationSec } from "./duration.ts";

test("a time is a whole number and a unit", () => {
  assert.deepEqual(["90s", "30m", "1h", "7d", " 2h "].map(parseDurationSec), [90, 1800, 3600, 604_800, 7200]);
  for (const text of ["", "1", "h", "1.5h", "-1h", "1 h", "1w", "1h30m"]) {
    assert.throws(() => parseDurationSec(text), /is not a time/);
  }
});
