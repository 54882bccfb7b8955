import assert from "node:assert/strict";
import { test } from "node:test";
import { createReport, expect } from "./report.ts";

function listen() {
  const lines: string[] = [];
  return { lines, report: createReport((line) => lines.push(line)) };
}

test("a claim that holds is told with what its check returned, further lines below", async () => {
  const { lines, report } = listen();
  await report.claim("it works", async () => "so it does\nand how");
  await report.claim("quietly too", async () => {});
  assert.deepEqual(
    lines.map((line) => line.replace(/\d+ ms/, "N ms")),
    ["   ✔ it works: so it does (N ms)", "     and how", "   ✔ quietly too (N ms)"],
  );
  assert.deepEqual([report.claims(), report.failed()], [2, false]);
});

test("a claim that does not hold prints what was seen, and ends the story", async () => {
  const { lines, report } = listen();
  await assert.rejects(report.claim("it works", async () => expect("the answer", [401], [200])));
  assert.deepEqual(lines, ["   ✘ it works", "     the answer: saw [401], and it should have been [200]"]);
  assert.equal(report.failed(), true);
});
