import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { AuditRow } from "../database/tables.ts";
import { toCef } from "./cef.ts";

const row: AuditRow = {
  seq: 7,
  at: "2026-11-24T10:00:00.000Z",
  actor_kind: "external-system",
  actor_id: "soar",
  address: "192.0.2.1",
  action: "network-isolation.set",
  object: "a5f3",
  result: "done",
  detail: '{"generation":3}',
  previous_hash: "0".repeat(64),
  hash: "ab".repeat(32),
};

test("an entry is one line of CEF with who, what, to what, and how it went", () => {
  assert.equal(
    toCef(row, "1.2.3"),
    `CEF:0|Cordon|Central Node|1.2.3|network-isolation.set|network-isolation.set|3|rt=1795514400000 externalId=7 act=network-isolation.set outcome=done suser=soar src=192.0.2.1 cs1=external-system cs1Label=actorKind cs2=a5f3 cs2Label=object cs3=${"ab".repeat(32)} cs3Label=hash msg={"generation":3}`,
  );
  const refused = toCef({ ...row, result: "FORBIDDEN", address: "2001:db8::1" }, "1.2.3");
  assert.match(refused, /\|6\|rt=/);
  assert.match(refused, / c6a2=2001:db8::1 c6a2Label=Source IPv6 Address /);
  assert.doesNotMatch(refused, / src=/);
});

test("whatever strangers wrote, an entry stays one line, with the same fields", () => {
  const hostile = fc.string({
    unit: fc.constantFrom("|", "\\", "=", "\n", "\r", " ", "a", "src=6.6.6.6", "\u2028", "é"),
  });
  fc.assert(
    fc.property(hostile, hostile, hostile, (actor_id, object, detail) => {
      const line = toCef({ ...row, actor_id, object, detail }, "1.2.3");
      assert.doesNotMatch(line, /[\r\n\u0085\u2028\u2029]/);
      const [, extension = ""] = /^CEF:0(?:\|(?:[^|\\]|\\.)*){6}\|(.*)$/.exec(line) ?? [];
      // A reader takes an unescaped `name=` for the next field.
      const names = [...extension.matchAll(/(?:^| )([A-Za-z0-9]+)=/g)].map(([, name]) => name);
      assert.deepEqual(
        names,
        "rt externalId act outcome suser src cs1 cs1Label cs2 cs2Label cs3 cs3Label msg".split(" "),
        line,
      );
    }),
  );
});
