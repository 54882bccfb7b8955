/** The chaos run as it fits among the other tests. CORDON_TEST_SEED repeats a run's plan; only the timing differs then. */
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { test } from "node:test";
import { runChaos } from "./chaos-run.ts";
import { describe, describeViolations, keepEvidence, summarise } from "./chaos-summary.ts";
import { chaosVerb } from "./chaos-verb.ts";

const options = { durationMs: 85_000, hosts: 12, nodes: 3, ordersPerSec: 3, settleWithinMs: 90_000, speed: 1 };
/** Two minutes on two cores of its own; what it waits for besides are starts of programs. */
const timeout = 280_000;

test("whatever is killed, paused and cut, every accepted order comes true, and none twice", { timeout }, async (t) => {
  const seed = Number(process.env.CORDON_TEST_SEED ?? randomInt(2 ** 31));
  t.diagnostic(`seed ${seed}`);
  const run = await runChaos(t, { ...options, seed }, () => {});
  t.diagnostic(describe(summarise(run, { ...options, seed })));
  if (run.violations.length > 0)
    assert.fail(`${describeViolations(run)}\nall that is known: ${keepEvidence(run, seed)}`);
  assert.ok(run.history.faults.length > 3, "there were faults");
  assert.ok(run.history.orders.filter(({ answer }) => answer === "accepted").length > 50, "there were orders");
});

test("the program says what was wrong with its words", () => {
  const cases: [RegExp, Record<string, string>][] = [
    [/--minutes must be a number from 0.1 to 1440, not soon/, { minutes: "soon" }],
    [/--hosts must be a whole number of at least 3, not 2/, { hosts: "2" }],
    [/--nodes must be a whole number of at least 1, not 0/, { nodes: "0" }],
  ];
  for (const [said, flags] of cases) assert.throws(() => chaosVerb().parse([], flags), said);
});
