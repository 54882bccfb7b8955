import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { inOneWriteEachTurn } from "./log-output.ts";

test("lines of one turn of the event loop are one write, in their order", async () => {
  const written: string[] = [];
  const output = inOneWriteEachTurn({ write: (text) => void written.push(text) });
  output.write("a\n");
  output.write("b\n");
  await setImmediate();
  output.write("c\n");
  await setImmediate();
  assert.deepEqual(written, ["a\nb\n", "c\n"]);
});

const ends = {
  "a crash": 'throw new Error("a bug")',
  "process.exit": "process.exit(1)",
  "its running out of work": "",
};

for (const [name, end] of Object.entries(ends)) {
  test(`the last lines are written before the program ends by ${name}`, () => {
    const module = new URL("./log-output.ts", import.meta.url).href;
    const program = `import { writeSync } from "node:fs"; import { inOneWriteEachTurn } from ${JSON.stringify(module)};
      const output = inOneWriteEachTurn({ write: (text) => writeSync(1, text) });
      output.write("the last line\\n"); ${end}`;
    const { stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", program], { encoding: "utf8" });
    assert.equal(stdout, "the last line\n");
  });
}
