import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { cleanTimestamp } from "./clean-timestamp.ts";

const received = "2026-11-24T10:00:00.000Z";

test("a time is kept in the form that all times have", () => {
  assert.equal(cleanTimestamp("2026-04-02T10:11:12Z", received), "2026-04-02T10:11:12.000Z");
  assert.equal(cleanTimestamp("2026-04-02T12:11:12.5+02:00", received), "2026-04-02T10:11:12.500Z");
});

test("what is no time, or one that no clock has by right, is when it was received", () => {
  for (const text of ["", "yesterday", "2026-13-01T00:00:00Z", "1969-12-31T23:59:59Z", "+010000-01-01T00:00:00Z"]) {
    assert.equal(cleanTimestamp(text, received), received, text);
  }
});

test("whatever a host says, the outcome sorts as text", () => {
  const form = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.date().map(String)), (text) => form.test(cleanTimestamp(text, received))),
  );
});
