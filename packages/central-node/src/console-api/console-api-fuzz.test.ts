/** Whatever is sent to whichever call, it is answered in good order: nothing hostile is a fault of ours. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { type ConsoleRoute, consoleRoutes, isPermitted } from "@cordon/contract/console-api";
import fc from "fast-check";
import { testDatabases } from "../database/test-databases.ts";
import { startTestConsole } from "./test-console.ts";

type Schema = {
  type?: string;
  enum?: unknown[];
  const?: unknown;
  anyOf?: Schema[];
  allOf?: Schema[];
  properties?: Record<string, Schema>;
  items?: Schema;
  pattern?: string;
};

const letter = fc.constantFrom(
  "a",
  "b",
  "\0",
  "\u202e",
  "\ud800",
  "é",
  "<",
  "'",
  '"',
  "%",
  "\\",
  ":",
  "\n",
  "0",
  "-",
  " ",
);
const hostileText = fc.oneof(
  fc.string({ unit: letter, maxLength: 20 }),
  fc.constantFrom("__proto__", "constructor", "all", "../..", "x".repeat(70_000)),
);
const anything = fc.oneof(hostileText, fc.jsonValue({ maxDepth: 2 }), fc.constant(undefined));

/** Mostly what the schema wants, with hostile texts wherever it lets them through; sometimes anything at all. */
function somethingFor(schema: Schema, sensorId: string): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 12, arbitrary: fitting(schema, sensorId) }, { weight: 1, arbitrary: anything });
}

function fitting(schema: Schema, sensorId: string): fc.Arbitrary<unknown> {
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map((part) => somethingFor(part, sensorId)));
  if (schema.allOf !== undefined) {
    const parts = schema.allOf.map((part) => fitting(part, sensorId)) as fc.Arbitrary<object>[];
    return fc.tuple(...parts).map((members) => Object.assign({}, ...members));
  }
  switch (schema.type) {
    case "object":
      return fc.record(
        Object.fromEntries(
          Object.entries(schema.properties ?? {}).map(([name, of]) => [name, somethingFor(of, sensorId)]),
        ),
      );
    case "array":
      return fc.array(somethingFor(schema.items ?? {}, sensorId), { maxLength: 3 });
    case "integer":
    case "number":
      return fc.oneof(fc.integer({ min: -1, max: 70_000 }), fc.constant(2 ** 53));
    case "boolean":
      return fc.boolean();
    case "null":
      return fc.constant(null);
    default:
      return schema.pattern === undefined
        ? hostileText
        : fc.constantFrom(
            sensorId,
            sensorId.toUpperCase(),
            randomUUID(),
            "ab".repeat(32),
            "AB".repeat(16),
            "123456",
            "soar",
          );
  }
}

for (const kind of testDatabases) {
  test(`${kind.name}: no call of the console API can be made to fail by what is sent to it`, async (t) => {
    const console = await startTestConsole(t, await kind.open(t));
    const people = [await console.person("administrator"), await console.person("senior-security-officer")];
    const roles = ["administrator", "senior-security-officer"] as const;
    const sensorId = await console.services.addHost();
    const names = Object.entries(consoleRoutes as Record<string, ConsoleRoute>)
      // Whoever ends the session that asks asks in vain from then on.
      .filter(([name]) => !["signOut", "endSession", "changePassword", "changeUser", "resetUser"].includes(name));
    for (const [name, route] of names) {
      const at = roles.findIndex((role) => route.permission === "anyone" || isPermitted(role, route.permission));
      const person = people[at];
      assert.ok(person !== undefined, name);
      const part = (schema: unknown) =>
        schema === undefined ? fc.constant(undefined) : somethingFor(schema as Schema, sensorId);
      const sent = fc.tuple(part(route.params), part(route.query), part(route.body));
      await fc.assert(
        fc.asyncProperty(sent, async ([params, query, body]) => {
          const texts = (params ?? {}) as Record<string, unknown>;
          const path = route.path.replaceAll(/:(\w+)/g, (_, param) => encode(texts[param]));
          const search = Object.entries((query ?? {}) as Record<string, unknown>)
            .flatMap(([key, value]) => [value].flat().map((each) => `${encode(key)}=${encode(each)}`))
            .join("&");
          const headers = { "if-match": '"1"', "content-type": "application/json" };
          const answer = await person.call(
            route.method,
            `${path}${search === "" ? "" : `?${search}`}`,
            route.body === undefined ? undefined : JSON.stringify(body),
            headers,
          );
          assert.ok(answer.status < 500, `${name}: ${answer.status} ${answer.text}`);
          if (answer.status !== 200)
            assert.match(String(answer.headers["content-type"]), /^application\/problem\+json/);
        }),
        { numRuns: 20 },
      );
    }
    const nested = `{"name":"x","more":${"[".repeat(200_000)}${"]".repeat(200_000)}}`;
    const deep = await people[0]?.call("POST", "/users", nested, { "content-type": "application/json" });
    assert.equal(deep?.status, 400);
    assert.equal((await console.audit.verify()).intact, true);
  });

  test(`${kind.name}: whatever stands in cookies and headers, nobody is signed in by it and nothing fails`, async (t) => {
    const console = await startTestConsole(t, await kind.open(t));
    const visible = fc.string({ unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)) });
    await fc.assert(
      fc.asyncProperty(visible, visible, async (one, two) => {
        const headers = {
          cookie: `__Host-cordon-session=${one}; __Host-cordon-familiar=${two}; __Host-cordon-oidc=${one}`,
          authorization: `Bearer ${two}`,
          "idempotency-key": one,
          "if-match": two,
        };
        for (const sent of [headers, { cookie: headers.cookie }]) {
          assert.equal((await console.call("GET", "/hosts", { headers: sent })).status, 401);
        }
        const body = { name: "nobody", password: two };
        const { status } = await console.call("POST", "/session", { headers: { cookie: headers.cookie }, body });
        assert.ok([400, 401, 429].includes(status), String(status));
      }),
      { numRuns: 30 },
    );
  });
}

function encode(value: unknown): string {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "");
  // A half character has no form in a URL.
  return encodeURIComponent(text.toWellFormed());
}
