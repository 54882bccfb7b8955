/** P2 and P6 with few hosts. Whether the targets are met is for a quiet machine to say, and not for a test. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { p2 } from "./p2-agents-held.ts";
import { p6 } from "./p6-reconnect-storm.ts";

test("P2 holds its agents, and counts as missed with fewer than the target names", async () => {
  const [held, memory, cpu] = await p2({ hosts: 20, minutes: 0.05 });
  assert.equal(held?.value, 20);
  assert.match(held?.spread ?? "", / 0 disconnects/);
  assert.ok(memory !== undefined && memory.value > 0, JSON.stringify(memory));
  assert.ok(cpu !== undefined && cpu.value >= 0 && cpu.value < 3, JSON.stringify(cpu));
  assert.ok([held, memory, cpu].every((row) => row?.met === false));
});

test("P6 cuts all agents, has them back and reconciled, and asks the API meanwhile", async () => {
  const rows = await p6({ hosts: 20, rounds: 1 });
  assert.equal(rows.length, 4);
  for (const row of rows) assert.ok(row.value > 0 && row.floor > 0, JSON.stringify(row));
  assert.match(rows[1]?.note ?? "", / 0 failed/);
});
