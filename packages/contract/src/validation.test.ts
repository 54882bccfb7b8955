import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type TSchema, Type } from "typebox";
import { Problem } from "./problem.ts";
import { CreateTaskBody, NetworkIsolationBody, PreventionBody, SensorsQuery, SettingsQuery } from "./response-api.ts";
import { describeFault, findFault, parse } from "./validation.ts";

const messageOf = (schema: TSchema, value: unknown) => {
  const fault = findFault(schema, value);
  return fault === null ? null : describeFault(fault);
};
const isolation = (settings: unknown) => messageOf(NetworkIsolationBody, { settings });
const rule = (changes: object) => ({
  autoTurnoffTimeoutInSec: 7200,
  excludedRules: [{ remoteIpv4Address: "10.0.0.1", ...changes }],
});

test("a message names the field, the rule and the value", () => {
  assert.equal(
    isolation({ autoTurnoffTimeoutInSec: 60 }),
    "settings.autoTurnoffTimeoutInSec must be an integer from 3600 to 35996400, not 60",
  );
  assert.equal(
    isolation({}),
    "settings.autoTurnoffTimeoutInSec must be an integer from 3600 to 35996400, and it is missing",
  );
  assert.equal(
    isolation(rule({ direction: "up" })),
    'settings.excludedRules[0].direction must be one of "inbound", "outbound", "both", not "up"',
  );
  assert.equal(
    isolation(rule({ remoteIpv4Address: "10.0.0.256" })),
    'settings.excludedRules[0].remoteIpv4Address must be one dotted IPv4 address, not "10.0.0.256"',
  );
  assert.equal(
    isolation(rule({ localPortRange: { fromPort: 1, toPort: 65536 } })),
    "settings.excludedRules[0].localPortRange.toPort must be an integer from 0 to 65535, not 65536",
  );
  assert.equal(
    messageOf(PreventionBody, { settings: { objects: [{ file: { md5: "x" } }] } }),
    'settings.objects[0].file.md5 must be 32 hex digits, not "x"',
  );
  assert.equal(
    messageOf(SettingsQuery, { sensor_id: "null", settings_type: "prevention" }),
    'sensor_id must be a UUID or "all", not "null"',
  );
  assert.equal(
    messageOf(SettingsQuery, { sensor_id: "all" }),
    'settings_type must be one of "network_isolation", "network_izolation", "prevention", and it is missing',
  );
  assert.equal(
    messageOf(CreateTaskBody, { task: { execCommand: "" } }),
    'task.execCommand must be a string of 1 to 4096 characters, not ""',
  );
  assert.equal(messageOf(CreateTaskBody, undefined), "the body must be an object, and it is missing");
  assert.equal(messageOf(CreateTaskBody, []), "the body must be an object, not []");
});

test("a value that no JSON number can be is named as it was read", () => {
  assert.equal(
    isolation(JSON.parse('{"autoTurnoffTimeoutInSec":1e400}')),
    "settings.autoTurnoffTimeoutInSec must be an integer from 3600 to 35996400, not Infinity",
  );
});

test("a value is shown shortened: long, wide or deep ones do not make the message long", () => {
  const deep = JSON.parse("[".repeat(200_000) + "]".repeat(200_000)) as unknown;
  for (const [value, shown] of [
    ["x".repeat(1_000_000), `"${"x".repeat(79)}…`],
    [Array(1_000_000).fill(0), `[${"0,".repeat(39)}0…`],
    [deep, "[[[…]]]"],
    [{ a: { b: { c: 1 } } }, '{"a":{"b":{…}}}'],
  ] as const) {
    assert.equal(
      isolation({ autoTurnoffTimeoutInSec: value }),
      `settings.autoTurnoffTimeoutInSec must be an integer from 3600 to 35996400, not ${shown}`,
    );
  }
});

test("a body at its largest that is wrong throughout is refused in bounded time", (t) => {
  const objects = Array.from({ length: 200_000 }, () => ({ file: { sha256: 1, md5: [] }, name: {} }));
  const start = performance.now();
  assert.notEqual(messageOf(PreventionBody, { settings: { objects } }), null);
  assert.notEqual(messageOf(PreventionBody, { settings: { objects: objects.slice(0, 100_000) } }), null);
  const ms = performance.now() - start;
  t.diagnostic(`two refusals: ${Math.round(ms)} ms`);
  assert.ok(ms < 10_000, `${ms} ms`);
});

test("parse returns the very value, unknown members included, or throws BAD_REQUEST with the message", () => {
  const query = { ip: "10.0.0.1", more: "ignored" };
  assert.equal(parse(SensorsQuery, query), query);
  assert.throws(
    () => parse(SensorsQuery, { sensor_id: "x" }),
    (error) =>
      error instanceof Problem && error.code === "BAD_REQUEST" && error.message === 'sensor_id must be a UUID, not "x"',
  );
});

test("the fault of a missing member has no value, and that of a present one its own", () => {
  const schema = Type.Object({ a: Type.Array(Type.Object({ b: Type.Integer() })) });
  assert.deepEqual(findFault(schema, { a: [{ b: 1 }, {}] }), { path: ["a", 1, "b"], rule: "must be an integer" });
  assert.deepEqual(findFault(schema, { a: [{ b: "1" }] }), {
    path: ["a", 0, "b"],
    rule: "must be an integer",
    value: "1",
  });
  assert.deepEqual(findFault(schema, { a: null }), { path: ["a"], rule: "must be a list", value: null });
});

test("whatever the value, a fault is described in one bounded line, and nothing throws", () => {
  const schemas = [NetworkIsolationBody, PreventionBody, CreateTaskBody, SensorsQuery, SettingsQuery];
  const anything = fc.anything({ withBigInt: true, withDate: true, withNullPrototype: true, withObjectString: true });
  fc.assert(
    fc.property(fc.constantFrom(...schemas), anything, (schema, value) => {
      const message = messageOf(schema, value);
      assert.ok(message === null || message.length < 500);
      assert.equal(message, messageOf(schema, value));
    }),
  );
});
