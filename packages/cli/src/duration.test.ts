import assert from "node:assert/strict";
import { test } from "node:test";
import { parseDurationSec, parseTimeoutFlag } from "./duration.ts";

test("durations are read in days, hours, minutes and seconds, alone or together", () => {
  const cases: [string, number | null][] = [
    ["90m", 5400],
    ["2h", 7200],
    ["3d", 259_200],
    ["1h30m", 5400],
    ["45s", 45],
    ["1d1h1m1s", 90_061],
    ["", null],
    ["h", null],
    ["2", null],
    ["2 h", null],
    ["-2h", null],
    ["1.5h", null],
    ["30m1h", null],
    ["2H", null],
    ["9999999999999999999h", null],
  ];
  for (const [text, seconds] of cases) assert.equal(parseDurationSec(text), seconds, text);
});

test("a timeout has bounds, and its refusal names them", () => {
  assert.equal(parseTimeoutFlag("30s"), 30_000);
  for (const text of ["0s", "31d", "soon"]) {
    assert.throws(() => parseTimeoutFlag(text), {
      failureCode: "USAGE",
      message: new RegExp(`from 1s to 30d.*"${text}"`),
    });
  }
});
