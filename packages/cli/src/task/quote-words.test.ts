import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import fc from "fast-check";
import { quoteWords } from "./quote-words.ts";

test("plain words stay as they are, and others are quoted", () => {
  assert.equal(quoteWords(["-n", "--file=/tmp/a.txt", "a,b"], "linux"), "-n --file=/tmp/a.txt a,b");
  assert.equal(quoteWords(["a b", "", "it's", "$HOME"], null), `'a b' '' 'it'\\''s' '$HOME'`);
});

// The API takes no control characters, and a process's arguments no NUL; lone surrogates are not text.
const word = fc
  .string({ unit: "grapheme", maxLength: 12 })
  .filter((text) => !/\p{Cc}/u.test(text) && text.isWellFormed());
const hostileWord = fc.oneof(
  word,
  fc.string({
    unit: fc.constantFrom("'", '"', "\\", " ", "$", "`", "*", "#", "~", ";", "&", "a", "\u00a0"),
    maxLength: 8,
  }),
);

test("a real POSIX shell splits the quoted line into the very same words", () => {
  fc.assert(
    fc.property(fc.array(hostileWord, { maxLength: 6 }), (words) => {
      const line = quoteWords(words, "linux");
      const printed = execFileSync("/bin/sh", ["-c", `for word in ${line}; do printf '%s\\0' "$word"; done`]);
      assert.deepEqual(printed.toString().split("\0").slice(0, -1), words);
    }),
    { numRuns: 150 },
  );
});

/** CommandLineToArgvW as documented, for what follows the program. */
function splitAsWindows(line: string): string[] {
  const words: string[] = [];
  let word: string | null = null;
  let quoted = false;
  for (let at = 0; at < line.length; at += 1) {
    const backslashes = /^\\*/.exec(line.slice(at))?.[0].length ?? 0;
    if (backslashes > 0 && line[at + backslashes] === '"') {
      word = (word ?? "") + "\\".repeat(Math.floor(backslashes / 2));
      at += backslashes;
      if (backslashes % 2 === 1) word += '"';
      else quoted = !quoted;
    } else if (backslashes > 0) {
      word = (word ?? "") + "\\".repeat(backslashes);
      at += backslashes - 1;
    } else if (line[at] === '"') {
      word ??= "";
      quoted = !quoted;
    } else if ((line[at] === " " || line[at] === "\t") && !quoted) {
      if (word !== null) words.push(word);
      word = null;
    } else {
      word = (word ?? "") + line[at];
    }
  }
  if (word !== null) words.push(word);
  return words;
}

test("Windows' own rules split the line for a Windows host into the very same words", () => {
  assert.equal(
    quoteWords(["C:\\Program Files\\x", 'say "hi"', "C:\\tmp\\"], "windows"),
    String.raw`"C:\Program Files\x" "say \"hi\"" C:\tmp${"\\"}`,
  );
  fc.assert(
    fc.property(fc.array(hostileWord, { maxLength: 6 }), (words) => {
      assert.deepEqual(splitAsWindows(quoteWords(words, "windows")), words);
    }),
    { numRuns: 2000 },
  );
});
