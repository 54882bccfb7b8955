import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const main = fileURLToPath(new URL("./main.ts", import.meta.url));

function bench(...words: string[]) {
  return spawnSync(process.execPath, [main, ...words], { encoding: "utf8", timeout: 60_000 });
}

test("it says what it can measure, and measures nothing meanwhile", () => {
  const { status, stdout } = bench("--help");
  assert.equal(status, 0);
  assert.match(stdout, /--only IDS .*P3,P5/);
  for (let number = 1; number <= 9; number += 1) assert.match(stdout, new RegExp(`^  P${number}  `, "m"));
});

test("a benchmark that there is not is refused before any is run", () => {
  const { status, stdout, stderr } = bench("--only", "P4,p5", "--only", "P99");
  assert.equal(status, 2);
  assert.equal(stdout, "");
  assert.match(stderr, /no benchmark is named P99/);
});

test("a number that is none, and a flag that is none, are refused before anything is run", () => {
  const cases: [string[], RegExp][] = [
    [["--hosts", "many"], /--hosts takes a whole number from 1, and not many/],
    [["--minutes", "0"], /--minutes takes a whole number from 1, and not 0/],
    [["--host", "10"], /'--host'/],
  ];
  for (const [words, said] of cases) {
    const { status, stdout, stderr } = bench("--only", "P3", ...words);
    assert.equal(status, 2);
    assert.equal(stdout, "");
    assert.match(stderr, said);
  }
});
