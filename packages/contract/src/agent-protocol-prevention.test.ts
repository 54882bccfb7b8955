import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { BlockReport, maxFilesPerPart, PreventionSet, preventionLine } from "./agent-protocol-prevention.ts";
import { findFault } from "./validation.ts";

const set = {
  type: "prevention-set",
  scope: "all",
  generation: 2,
  base: 1,
  part: 0,
  parts: 1,
  digest: "ab".repeat(32),
  scripts: false,
  killRunning: false,
  added: [{ hash: "cd".repeat(16), name: null }],
  removed: ["ef".repeat(32)],
};

test("a part of a set is bounded, and its hashes are lower-case SHA-256 or MD5", () => {
  assert.equal(findFault(PreventionSet, set), null);
  assert.equal(findFault(PreventionSet, { ...set, base: null }), null);
  for (const [changes, rule] of [
    [{ removed: ["EF".repeat(32)] }, /64 hex digits of SHA-256 or 32 of MD5/],
    [{ removed: Array(maxFilesPerPart + 1).fill("ef".repeat(32)) }, /at most 5000/],
    [{ added: [{ hash: "cd".repeat(16), name: "x".repeat(1025) }] }, /./],
    [{ parts: 0 }, /1 to 1000/],
  ] as const) {
    assert.match(findFault(PreventionSet, { ...set, ...changes })?.rule ?? "", rule);
  }
});

test("no name makes a line that passes for another one", () => {
  const name = fc.oneof(
    fc.constant(null),
    fc.string({ unit: "binary" }),
    fc.constantFrom("null", '"', "\n", `a\n${set.digest}`),
  );
  fc.assert(
    fc.property(name, name, (one, two) => {
      const [first, second] = [one, two].map((each) => preventionLine(set.digest, each));
      assert.equal(first === second, one === two);
      assert.match(first ?? "", /^[0-9a-f]{64} .*\n$/);
    }),
  );
});

test("a report holds 1 to 100 blocks", () => {
  const report = { type: "block-report", reportId: "11111111-1111-4111-8111-111111111111", lostInAll: 0 };
  assert.equal(findFault(BlockReport, { ...report, blocks: [{}] }), null);
  assert.notEqual(findFault(BlockReport, { ...report, blocks: [] }), null);
  assert.notEqual(findFault(BlockReport, { ...report, blocks: Array(101).fill({}) }), null);
});
