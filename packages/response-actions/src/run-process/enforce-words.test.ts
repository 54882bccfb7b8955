import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import fc from "fast-check";
import { splitWords } from "./enforce-words.ts";

const cases: [string, string[] | null][] = [
  ["", []],
  ["  ", []],
  ["a 'b c' d", ["a", "b c", "d"]],
  [`it\\'s "it's"`, ["it's", "it's"]],
  ["'' \"\"", ["", ""]],
  ["a''b", ["ab"]],
  ["'a\\.b' \"a\\.b\" a\\.b", ["a\\.b", "a\\.b", "a.b"]],
  ['"\\$HOME \\"x\\" \\\\"', ['$HOME "x" \\']],
  ["$HOME `id` *.txt # ; | & > <", ["$HOME", "`id`", "*.txt", "#", ";", "|", "&", ">", "<"]],
  ["'open", null],
  ['"open', null],
  ["end\\", null],
];
for (const [line, words] of cases) {
  test(`splitting ${JSON.stringify(line)} gives ${JSON.stringify(words)}`, () => {
    assert.deepEqual(splitWords(line), words);
  });
}

test("any words that are quoted for a shell come back as they were", () => {
  const quote = (word: string) => `'${word.replaceAll("'", `'\\''`)}'`;
  fc.assert(
    fc.property(fc.array(fc.string({ unit: "binary" })), (words) => {
      assert.deepEqual(splitWords(words.map(quote).join(" ")), words);
    }),
  );
});

test("a line of quotes, backslashes and blanks is split just as /bin/sh splits it", () => {
  // Only characters that a shell neither expands nor takes for an operator.
  const lines = fc.sample(
    fc
      .array(fc.constantFrom("a", "b", " ", "\t", "'", '"', "\\"), { maxLength: 14 })
      .map((characters) => characters.join(""))
      .filter((line) => splitWords(line) !== null),
    { numRuns: 400, seed: 7 },
  );
  const script = lines.map((line) => `printf '%s\\0' _ ${line}; printf '\\1'\n`).join("");
  const shell = spawnSync("/bin/sh", ["-c", script], { encoding: "utf8" });
  assert.equal(shell.status, 0, shell.stderr);
  const byShell = shell.stdout
    .split("\u0001")
    .slice(0, -1)
    .map((words) => words.split("\0").slice(1, -1));
  assert.deepEqual(
    lines.map((line) => splitWords(line)),
    byShell,
  );
});
