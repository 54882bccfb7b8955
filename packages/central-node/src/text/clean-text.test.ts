import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { cleanText } from "./clean-text.ts";

test("text of a host keeps its letters, whatever their script", () => {
  assert.equal(cleanText("Rechner-7 ümläut 主机 🦊", 255), "Rechner-7 ümläut 主机 🦊");
});

test("whatever a host says, no control character, no half character and no overlong text is kept", () => {
  const hostile = fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)) });
  fc.assert(
    fc.property(hostile, fc.integer({ min: 0, max: 8 }), (text, maxLength) => {
      const cleaned = cleanText(text, maxLength);
      assert.ok(cleaned.length <= maxLength);
      assert.ok(cleaned.isWellFormed());
      assert.doesNotMatch(cleaned, /\p{Cc}/u);
    }),
  );
});
