import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { readAgentMessage } from "./agent-message.ts";

const facts = {
  hostName: "h",
  ipAddresses: [],
  osFamily: "linux",
  osName: "Debian",
  agentVersion: "0.1.0",
  capabilities: [],
};
const faultOf = (frame: string) => {
  const read = readAgentMessage(frame);
  return "fault" in read ? read.fault : null;
};

test("a message that fits its schema is read, with members that a newer agent may add", () => {
  const message = { type: "facts", facts: { ...facts, kernel: "6.18" } };
  assert.deepEqual(readAgentMessage(JSON.stringify(message)), { message });
});

test("a message that does not fit says where", () => {
  assert.equal(faultOf(""), "not JSON");
  for (const frame of [
    "null",
    "[]",
    "7",
    '"hello"',
    "{}",
    '{"type":null}',
    '{"type":"toString"}',
    '{"type":"welcome"}',
  ]) {
    assert.equal(faultOf(frame), "a message of no known type", frame);
  }
  assert.match(
    faultOf(JSON.stringify({ type: "facts", facts: { ...facts, osFamily: "plan9" } })) ?? "",
    /^facts: facts\.osFamily must be /,
  );
});

test("nesting as deep as a frame allows is a fault like any other", () => {
  const deep = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
  assert.match(faultOf(`{"type":"facts","facts":${deep(1_000_000)}}`) ?? "", /^facts: facts must be an object/);
  assert.match(faultOf(`{"type":"facts","facts":{"hostName":${deep(1_000_000)}}}`) ?? "", /^facts: facts/);
});

test("no frame whatever makes the reader throw", () => {
  const types = fc.constantFrom("hello", "facts", "setting-report", "task-report", "renew");
  const near = fc
    .record({ type: types }, { requiredKeys: ["type"] })
    .chain((start) => fc.object({ maxDepth: 4 }).map((more) => JSON.stringify({ ...more, ...start })));
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.json(), near), (frame) => {
      const read = readAgentMessage(frame);
      assert.ok("message" in read || read.fault.length > 0);
    }),
    { numRuns: 500 },
  );
});
