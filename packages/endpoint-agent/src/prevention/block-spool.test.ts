import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import type { BlockReport } from "@cordon/contract";
import type { Block } from "@cordon/response-actions";
import fc from "fast-check";
import { startCore } from "../testing/core-under-test.ts";
import { hashOf } from "../testing/prevention-orders.ts";

type Host = Awaited<ReturnType<typeof startCore>>;
const block = (changes: Partial<Block> = {}): Block => ({
  eventId: randomUUID(),
  at: "2026-11-24T10:00:00.000Z",
  kind: "denied",
  path: "/tmp/dropper",
  hash: hashOf(1),
  algorithm: "sha256",
  scope: "all",
  ruleName: "dropper",
  fileSha256: null,
  userId: 1000,
  userName: "mallory",
  processes: [{ pid: 7, name: "bash", commandLine: "bash -c ./dropper" }],
  count: 1,
  ...changes,
});
const reportsOf = (host: Host) =>
  host.sent.filter((message): message is BlockReport => message.type === "block-report");
const lastOf = (host: Host) => reportsOf(host).at(-1) ?? assert.fail("no report of blocks");
const blocksOf = (report: BlockReport) => report.blocks as Block[];
const acknowledge = (host: Host) => host.core.receive({ type: "ack", reportId: lastOf(host).reportId });

test("a block is told at once and forgotten when it is acknowledged", async () => {
  const host = await startCore();
  const first = block();
  host.core.takeBlock(first);
  assert.deepEqual(blocksOf(lastOf(host)), [first]);
  assert.equal(host.core.status().blocksWaiting, 1);
  acknowledge(host);
  assert.equal(host.core.status().blocksWaiting, 0);
});

test("one report is on its way at a time, of at most 100 blocks; what came meanwhile follows the acknowledgement", async () => {
  const host = await startCore();
  for (let number = 0; number < 230; number += 1) {
    host.core.takeBlock(block({ hash: hashOf(number) }));
    // Slow enough for the rate.
    if (number % 5 === 4) host.clock.advance(1_000);
  }
  assert.equal(reportsOf(host).length, 1);
  const counts = [];
  while (host.core.status().blocksWaiting > 0) {
    counts.push(lastOf(host).blocks.length);
    acknowledge(host);
  }
  assert.deepEqual(counts, [1, 100, 100, 29]);
});

test("what was not acknowledged survives a cut and a restart, under the same event IDs, and is sent again after a minute", async () => {
  const host = await startCore();
  const first = block();
  host.core.takeBlock(first);
  host.clock.advance(60_001);
  assert.deepEqual(
    reportsOf(host).map((report) => blocksOf(report)[0]?.eventId),
    [first.eventId, first.eventId],
  );
  host.core.closed();
  const again = await startCore({ clock: host.clock, journal: host.journal, on: host.on });
  assert.deepEqual(blocksOf(lastOf(again)), [first]);
});

test("a file that is started in a loop is told once, and once a minute with how often", async () => {
  const host = await startCore();
  for (let times = 0; times < 1000; times += 1) host.core.takeBlock(block());
  host.core.takeBlock(block({ path: "/tmp/other" }));
  acknowledge(host);
  acknowledge(host);
  assert.deepEqual(
    reportsOf(host)
      .flatMap(blocksOf)
      .map(({ path, count }) => [path, count]),
    [
      ["/tmp/dropper", 1],
      ["/tmp/other", 1],
    ],
  );
  host.clock.advance(75_000);
  assert.deepEqual(
    blocksOf(lastOf(host)).map(({ count }) => count),
    [999],
  );
});

test("many different blocks at once are merged or counted: none is forgotten without a number", async () => {
  const host = await startCore();
  for (let number = 0; number < 5_000; number += 1) host.core.takeBlock(block({ path: `/tmp/${number}` }));
  assert.ok(host.core.status().blocksWaiting <= 50, "the rate holds");
  host.clock.advance(3_600_000);
  let told = 0;
  while (host.core.status().blocksWaiting > 0) {
    for (const { count } of blocksOf(lastOf(host))) told += count;
    acknowledge(host);
  }
  assert.equal(told + host.journal.blocks.lostInAll(), 5_000);
  assert.equal(told, 2_000);
  assert.equal(lastOf(host).lostInAll, 3_000);
});

test("what waits is bounded by number and by size: the oldest goes, and is counted", async () => {
  const host = await startCore({ connect: false });
  const { blocks } = host.journal;
  const long = "x".repeat(4096);
  for (let number = 0; number < 2_500; number += 1) blocks.put(block({ hash: hashOf(number), path: long, count: 2 }));
  const waiting = blocks.count();
  assert.ok(waiting > 1_500 && waiting < 2_000, String(waiting));
  assert.equal(blocks.lostInAll(), 2 * (2_500 - waiting));
  assert.equal(blocks.oldest(1)[0]?.hash, hashOf(2_500 - waiting));
});

test("an older Central Node gets no reports of blocks; they wait for a newer one", async () => {
  const host = await startCore({ connect: false });
  host.connect(undefined, 1);
  host.core.takeBlock(block());
  assert.deepEqual(reportsOf(host), []);
  host.core.closed();
  host.connect();
  assert.equal(lastOf(host).blocks.length, 1);
});

test("merged blocks are written down when the agent stops", async () => {
  const host = await startCore();
  host.core.takeBlock(block());
  acknowledge(host);
  host.core.takeBlock(block());
  host.core.takeBlock(block());
  await host.core.close();
  assert.deepEqual(
    host.journal.blocks.oldest(10).map(({ count }) => count),
    [2],
  );
});

test("whatever an enforcer says, taking a block never throws", async () => {
  const host = await startCore();
  fc.assert(
    fc.property(fc.anything(), (anything) => {
      host.core.takeBlock(anything as Block);
      host.core.takeBlock({ ...block(), ...(anything as object) });
    }),
  );
  host.journal.close();
  host.core.takeBlock(block({ path: "/after/the/end" }));
});
