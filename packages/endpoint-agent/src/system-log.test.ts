import assert from "node:assert/strict";
import { test } from "node:test";
import { leadsToJournald, withPriority } from "./system-log.ts";

test("each line of the log carries its priority for journald", () => {
  const priorities = [10, 20, 30, 40, 50, 60].map((level) => withPriority(`{"level":${level},"msg":"x"}\n`));
  assert.deepEqual(
    priorities.map((line) => line.slice(0, 3)),
    ["<7>", "<7>", "<6>", "<4>", "<3>", "<2>"],
  );
  assert.equal(priorities[0]?.slice(3), '{"level":10,"msg":"x"}\n');
});

test("a standard error that was led elsewhere is not journald's", () => {
  assert.equal(leadsToJournald("8:1234", { dev: 8, ino: 1234 }), true);
  assert.equal(leadsToJournald("8:1234", { dev: 8, ino: 1235 }), false);
  assert.equal(leadsToJournald(null, { dev: 8, ino: 1234 }), false);
});
