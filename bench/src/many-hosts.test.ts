/** P2, P3 and P6 with few hosts. Whether the targets are met is for a quiet machine to say, and not for a test. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { p2 } from "./p2-agents-held.ts";
import { p3 } from "./p3-rule-for-all.ts";
import { p6 } from "./p6-reconnect-storm.ts";
import { type PreparedFleet, prepareFleet } from "./prepared-fleet.ts";

const hosts = 20;
const cleanUps: (() => Promise<void> | void)[] = [];
let prepared: PreparedFleet;

// One for all of them: starting it takes longer than what is measured with it.
before(async () => {
  prepared = await prepareFleet({ after: (cleanUp) => void cleanUps.unshift(cleanUp) }, { hosts });
});
after(async () => {
  for (const cleanUp of cleanUps) await cleanUp();
});

test("P2 holds its agents, and counts as missed with fewer than the target names", async () => {
  const [held, memory, cpu] = await p2({ hosts, prepared, minutes: 0.03 });
  assert.equal(held?.value, hosts);
  assert.match(held?.spread ?? "", / 0 disconnects/);
  assert.ok(memory !== undefined && memory.value > 0 && memory.floor > 0, JSON.stringify(memory));
  assert.ok(cpu !== undefined && cpu.value >= 0 && cpu.value < 3, JSON.stringify(cpu));
  assert.ok([held, memory, cpu].every((row) => row?.met === false));
});

test("P3 measures a rule on all of its hosts beside its floor", async () => {
  const rows = await p3({ hosts, prepared, rounds: 2, manyHashes: 100 });
  assert.equal(rows.length, 4);
  for (const row of rows) {
    // The kernel counts CPU time in steps of 10 ms: of so few hosts it may see none.
    if (row.unit === "µs") continue;
    assert.ok(row.value > 0 && row.floor > 0, JSON.stringify(row));
    assert.ok(Math.abs(row.ratio - row.value / row.floor) < 1e-9, JSON.stringify(row));
  }
});

test("P6 cuts all agents, has them back and reconciled, and asks the API meanwhile", async () => {
  const rows = await p6({ hosts, prepared, rounds: 1 });
  assert.equal(rows.length, 4);
  for (const row of rows) assert.ok(row.value > 0 && row.floor > 0, JSON.stringify(row));
  assert.match(rows[1]?.note ?? "", / 0 failed/);
});
