import assert from "node:assert/strict";
import { test } from "node:test";
import { Check } from "typebox/value";
import { Block } from "./block.ts";

const block = {
  eventId: "11111111-1111-4111-8111-111111111111",
  at: "2026-11-24T10:00:00.000Z",
  kind: "denied",
  path: "/tmp/dropper",
  hash: "ab".repeat(32),
  algorithm: "sha256",
  scope: "all",
  ruleName: null,
  fileSha256: null,
  userId: null,
  userName: null,
  processes: [{ pid: 1, name: "init", commandLine: "" }],
  count: 1,
};

test("a block says everything, with null for what is not known, and every text of it is bounded", () => {
  assert.ok(Check(Block, block));
  for (const member of Object.keys(block)) assert.ok(!Check(Block, { ...block, [member]: undefined }), member);
  const [process] = block.processes;
  for (const changes of [
    { kind: "allowed" },
    { path: "x".repeat(4097) },
    { hash: "AB".repeat(32) },
    { ruleName: "x".repeat(1025) },
    { userName: "x".repeat(256) },
    { userId: -1 },
    { count: 0 },
    { processes: Array(17).fill(process) },
    { processes: [{ ...process, name: "x".repeat(256) }] },
    { processes: [{ ...process, commandLine: "x".repeat(1025) }] },
  ]) {
    assert.ok(!Check(Block, { ...block, ...changes }), JSON.stringify(changes).slice(0, 80));
  }
});
