import assert from "node:assert/strict";
import { test } from "node:test";
import { formatDuration } from "./duration.ts";

test("durations are written in their two largest units, and one that is over as nothing", () => {
  const cases: [number, string][] = [
    [-1, "0 s"],
    [59.4, "59 s"],
    [59.5, "1 min"],
    [7200, "2 h"],
    [7500, "2 h 5 min"],
    [90_061, "1 d 1 h"],
    [35_996_400, "416 d 15 h"],
  ];
  for (const [seconds, text] of cases) assert.equal(formatDuration(seconds), text);
});
