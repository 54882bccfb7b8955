import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createLocalPolicy } from "./local-policy.ts";
import { silentLog } from "./log.ts";

const isolation = { name: "network-isolation", kind: "setting" as const };
const runProcess = { name: "run-process", kind: "task" as const };

test("without a policy all is allowed; with one only what it names; with a malformed one no task", (t) => {
  const directory = mkdtempSync(join(tmpdir(), "cordon-policy-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const path = join(directory, "policy.json");
  let errors = 0;
  const error = () => {
    errors += 1;
  };
  const policy = createLocalPolicy({ path, log: { ...silentLog, error } });
  const allowed = () => [policy.allows(isolation), policy.allows(runProcess)];
  assert.deepEqual(allowed(), [true, true]);
  const cases: [string, boolean[]][] = [
    ["{}", [true, true]],
    ['{"allowedActions":[]}', [false, false]],
    ['{"allowedActions":["run-process"]}', [false, true]],
    ['{"allowedActions":["network-isolation"]}', [true, false]],
  ];
  for (const [text, expected] of cases) {
    writeFileSync(path, text);
    assert.deepEqual(allowed(), expected, text);
  }
  assert.equal(errors, 0);
  for (const malformed of ["", "{", "[]", "null", '{"allowedActions":"run-process"}', '{"allowedActions":[1]}']) {
    writeFileSync(path, malformed);
    assert.deepEqual(allowed(), [true, false], malformed);
  }
  assert.ok(errors >= 6, "each is said in the log");
});
