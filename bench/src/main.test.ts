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
  assert.match(stdout, /--only ID .*P4/);
});

test("a benchmark that there is not is refused before any is run", () => {
  const { status, stdout, stderr } = bench("--only", "P4", "--only", "P99");
  assert.equal(status, 2);
  assert.equal(stdout, "");
  assert.match(stderr, /no benchmark is named P99/);
});

test("a number of hosts that is none is refused before anything is run", () => {
  const { status, stdout, stderr } = bench("--only", "P3", "--hosts", "many");
  assert.equal(status, 2);
  assert.equal(stdout, "");
  assert.match(stderr, /--hosts takes a whole number from 1, and not many/);
});
