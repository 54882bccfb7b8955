import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { printable, printableJson, printableLines } from "./printable.ts";

test("an escape sequence in hostile text is gone as a whole", () => {
  assert.equal(printable("\u001b[31mhost\u001b[0m"), "host");
  assert.equal(printable("\u001b]0;your shell\u0007host"), "host");
  assert.equal(printable("\u009b2Jhost"), "host");
  assert.equal(printable("a\u001b]8;;http://evil\u001b\\link"), "alink");
});

test("text that reorders or hides itself is put straight", () => {
  assert.equal(printable("fdp.\u202eexe"), "fdp.exe");
  assert.equal(printable("a\u200bb\u2066c\ufeff"), "abc");
});

test("one line stays one line, and several lines keep their breaks and tabs", () => {
  assert.equal(printable("a\r\nb\tc"), "a b c");
  assert.equal(printableLines("a\r\nb\tc\rd\u0007"), "a\nb\tcd");
});

test("letters of every language and emoji pass unchanged", () => {
  for (const text of ["Rechner-Böblingen", "сервер", "サーバー", "👩‍💻"]) assert.equal(printable(text), text);
});

const hostile = fc.string({ unit: "binary", maxLength: 60 });
const control = /[\p{Cc}\u202a-\u202e\u2066-\u2069]/u;

test("whatever a host sends, no control character or bidi override is left", () => {
  fc.assert(fc.property(hostile, (text) => !control.test(printable(text))));
  fc.assert(fc.property(hostile, (text) => !control.test(printableLines(text).replace(/[\n\t]/g, ""))));
});

test("printable JSON is exact, and as harmless as printable text", () => {
  fc.assert(
    fc.property(hostile, hostile, (name, value) => {
      const text = printableJson({ [name]: value });
      assert.deepEqual(JSON.parse(text), JSON.parse(JSON.stringify({ [name]: value })));
      assert.ok(!control.test(text.replaceAll("\n", "")));
    }),
  );
});
