import assert from "node:assert/strict";
import { test } from "node:test";
import { startCore } from "../testing/core-under-test.ts";
import { ruleOf, setOf } from "../testing/prevention-orders.ts";

const alarm = (code: string) => ({ code, detail: "as the test wants it", at: "2026-11-24T10:00:00.000Z" });

test("an alarm is reported about each rule in force, with what held, and what holds then is looked at", async () => {
  const host = await startCore();
  await host.receive(...setOf(1, ruleOf(1)), ...setOf(1, ruleOf(2), { scope: "host" }));
  host.acknowledgeAll();
  host.kernel.banned.delete("all");
  host.core.takeAlarm(alarm("GUARD_LOST"));
  assert.deepEqual(
    host.settingReports().map(({ scope, state, detail }) => [scope, state, detail]),
    ["host", "all"].map((scope) => [
      scope,
      "in-effect",
      "GUARD_LOST at 2026-11-24T10:00:00.000Z: as the test wants it; 1 files banned",
    ]),
  );
  await host.core.idle();
  assert.ok(host.kernel.banned.has("all"), "what was lost is made true again");
});

test("the same alarm in a storm is reported once a minute, with how often it came; another one at once", async () => {
  const host = await startCore();
  await host.receive(...setOf(1, ruleOf(1)));
  host.acknowledgeAll();
  for (let times = 0; times < 100; times += 1) host.core.takeAlarm(alarm("QUEUE_OVERFLOW"));
  host.core.takeAlarm(alarm("GUARD_LOST"));
  assert.equal(host.settingReports().length, 2);
  host.clock.advance(60_001);
  host.core.takeAlarm(alarm("QUEUE_OVERFLOW"));
  assert.match(host.settingReports().at(-1)?.detail ?? "", /\(and 99 times since the one before\)/);
});

test("an alarm that comes while a rule is being carried out is told once it is", async () => {
  const host = await startCore();
  let open = () => {};
  host.kernel.gate = new Promise((resolve) => {
    open = resolve;
  });
  for (const part of setOf(1, ruleOf(1))) host.core.receive(part);
  host.core.takeAlarm(alarm("QUEUE_OVERFLOW"));
  host.core.takeAlarm(alarm("GUARD_LOST"));
  assert.deepEqual(host.settingReports(), []);
  open();
  await host.core.idle();
  host.clock.advance(1_001);
  assert.match(host.settingReports().at(-1)?.detail ?? "", /^QUEUE_OVERFLOW at .*; GUARD_LOST at .*; 1 files banned$/);
});

test("without a rule in force, or after the journal was closed, an alarm reports nothing and breaks nothing", async () => {
  const host = await startCore();
  host.core.takeAlarm(alarm("GUARD_LOST"));
  assert.deepEqual(host.settingReports(), []);
  host.journal.close();
  host.core.takeAlarm(alarm("QUEUE_OVERFLOW"));
});

test("how far the look for banned files has come is in the status", async () => {
  const host = await startCore();
  assert.equal(host.core.status().scan, null);
  const progress = { state: "done", filesSeen: 1000, filesFound: 1 } as const;
  host.core.takeScan(progress);
  assert.deepEqual(host.core.status().scan, progress);
});
