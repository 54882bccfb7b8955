import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { TaskReport } from "@cordon/contract";
import { silentLog } from "../log.ts";
import { createMemoryJournal, type Journal, journalInUse, openJournal } from "./journal.ts";

function newPath(t: TestContext) {
  const directory = mkdtempSync(join(tmpdir(), "cordon-journal-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return join(directory, "journal.sqlite");
}

function open(t: TestContext, path: string): Journal {
  const journal = openJournal({ path, log: silentLog });
  assert.ok(journal !== journalInUse);
  t.after(() => journal.close());
  return journal;
}

const taskReport = (taskId: string, more: Partial<TaskReport> = {}): TaskReport => ({
  type: "task-report",
  reportId: randomUUID(),
  taskId,
  state: "completed",
  ...more,
});
const setting = {
  action: "network-isolation",
  scope: "host" as const,
  lineage: randomUUID(),
  generation: 3,
  wish: { autoTurnoffTimeoutInSec: 3600, exclusions: [] },
  deadline: { bootId: "b", bootMs: 1, wallMs: 2, remainingMs: 3 },
  refusal: null,
  outcome: null,
};

test("what was written is there after it is closed and opened again", (t) => {
  const path = newPath(t);
  const first = open(t, path);
  first.setLineage(setting.lineage);
  first.settings.put(setting);
  const report = taskReport(randomUUID(), { stdout: "é\0" });
  first.spool.put(report);
  first.close();
  const second = open(t, path);
  assert.equal(second.journalId, first.journalId);
  assert.equal(second.lineage(), setting.lineage);
  assert.deepEqual(second.settings.all(), [setting]);
  assert.deepEqual(second.settings.generations(setting.lineage), [
    { action: setting.action, scope: "host", generation: 3 },
  ]);
  assert.deepEqual(
    second.spool.after(0, 10).map((spooled) => spooled.report),
    [report],
  );
});

test("a journal that is open is not opened a second time", (t) => {
  const path = newPath(t);
  open(t, path);
  assert.equal(openJournal({ path, log: silentLog }), journalInUse);
});

test("a damaged journal is set aside and a new one started under another ID", (t) => {
  const path = newPath(t);
  const first = open(t, path);
  first.close();
  writeFileSync(path, "this is no database, whatever its name says".repeat(200));
  const second = open(t, path);
  assert.notEqual(second.journalId, first.journalId);
  assert.deepEqual(second.settings.all(), []);
  const files = readdirSync(join(path, ".."));
  assert.equal(files.filter((name) => name.startsWith("journal.sqlite.damaged-")).length, 1, files.join());
});

test("a transaction that fails leaves nothing behind", () => {
  const journal = createMemoryJournal();
  assert.throws(() =>
    journal.transaction(() => {
      journal.settings.put(setting);
      throw new Error("in the middle");
    }),
  );
  assert.deepEqual(journal.settings.all(), []);
});

test("a newer report of the same setting or task takes the older one's place, and goes to the end", () => {
  const { spool } = createMemoryJournal();
  const [a, b] = [randomUUID(), randomUUID()];
  spool.put(taskReport(a, { state: "accepted" }));
  const ofB = taskReport(b);
  spool.put(ofB);
  const ofA = taskReport(a, { state: "running" });
  spool.put(ofA);
  assert.deepEqual(
    spool.after(0, 10).map(({ report }) => report),
    [ofB, ofA],
  );
  assert.equal(spool.acknowledge(ofB.reportId), true);
  assert.equal(spool.acknowledge(ofB.reportId), false);
  assert.equal(spool.count(), 1);
});

test("a number is never used again, so a report that was sent is not taken for a newer one", () => {
  const { spool } = createMemoryJournal();
  const report = taskReport(randomUUID());
  spool.put(report);
  const [first] = spool.after(0, 1);
  spool.acknowledge(report.reportId);
  spool.put(taskReport(randomUUID()));
  const [second] = spool.after(0, 1);
  assert.ok(first !== undefined && second !== undefined && second.number > first.number);
});

test("when too much output waits the oldest goes, and its report says so and stays", () => {
  const { spool } = createMemoryJournal({ spoolLimits: { maxOutputBytes: 1000 } });
  const output = "x".repeat(400);
  for (let round = 0; round < 3; round += 1) spool.put(taskReport(randomUUID(), { stdout: output, exitCode: round }));
  const reports = spool.after(0, 10).map(({ report }) => report);
  assert.deepEqual(
    reports.map(
      (report) => report.type === "task-report" && [report.exitCode, report.stdout?.length, report.stdoutTruncated],
    ),
    [
      [0, 0, true],
      [1, 400, undefined],
      [2, 400, undefined],
    ],
  );
});

test("of tasks that are done the newest 10,000 are remembered, and any that is not acknowledged", () => {
  const journal = createMemoryJournal();
  const task = { action: "run-process", parameters: {}, process: null, report: { state: "completed" as const } };
  const unacknowledged = taskReport("00000000-0000-4000-8000-000000000001");
  journal.transaction(() => {
    for (let number = 0; number < 10_005; number += 1) {
      journal.tasks.put({
        ...task,
        taskId: `00000000-0000-4000-8000-${String(number).padStart(12, "0")}`,
        step: "done",
      });
    }
    journal.spool.put(unacknowledged);
    journal.tasks.prune();
  });
  const isRemembered = (number: number) =>
    journal.tasks.find(`00000000-0000-4000-8000-${String(number).padStart(12, "0")}`) !== null;
  assert.deepEqual([0, 1, 4, 5, 10_004].map(isRemembered), [false, true, false, true, true]);
});
