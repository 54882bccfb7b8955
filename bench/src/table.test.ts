import assert from "node:assert/strict";
import { test } from "node:test";
import { asTable } from "./table.ts";

test("a row shows its floor, its ratio and whether the target was met, in a table that Markdown takes", () => {
  const row = { id: "P4", figure: "start", value: 0.6612, floor: 0.6, unit: "ms", ratio: 1.102, spread: "0.99–1.01" };
  const table = asTable([{ ...row, target: "≤ 1.10", met: false, note: "" }]);
  const [head = "", rule = "", body = ""] = table.split("\n");
  assert.equal(head.length, body.length);
  assert.equal(head.split("|").length, rule.split("|").length);
  assert.match(body, /\| 0\.66 ms +\| 0\.60 ms +\| 1\.10 +\| +\| 0\.99–1\.01 +\| ≤ 1\.10 +\| \*\*no\*\*/);
});
