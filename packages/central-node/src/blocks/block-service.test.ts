import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { type TestContext, test } from "node:test";
import type { Block } from "@cordon/response-actions";
import fc from "fast-check";
import { testDatabases } from "../database/test-databases.ts";
import { createTestClock, createTestServices, sha256, soar } from "../test-services.ts";

const journalId = randomUUID();
const hour = 3_600_000;
const block = (changes: Partial<Block> = {}): Block => ({
  eventId: randomUUID(),
  at: "2026-11-24T09:59:59.000Z",
  kind: "denied",
  path: "/tmp/dropper",
  hash: sha256(1),
  algorithm: "sha256",
  scope: "all",
  ruleName: "dropper",
  fileSha256: sha256(1),
  userId: 1000,
  userName: "mallory",
  processes: [
    { pid: 7, name: "bash", commandLine: "bash -c ./dropper" },
    { pid: 1, name: "systemd", commandLine: "" },
  ],
  count: 1,
  ...changes,
});

for (const kind of testDatabases) {
  async function start(t: TestContext) {
    const clock = createTestClock();
    const database = await kind.open(t);
    const services = await createTestServices({ database, now: clock.now });
    const host = await services.addHost();
    const record = (blocks: object[], { lostInAll = 0, journal = journalId, sensorId = host } = {}) =>
      services.blocks.record(sensorId, { blocks, lostInAll }, journal);
    const last24h = async (sensorId = host, scope: "host" | "all" = "all") =>
      (await services.blocks.countLastDay(sensorId))({ sensorId, scope });
    return { clock, database, host, record, last24h, ...services };
  }

  test(`${kind.name}: a block is kept as it was told, and counted by file, scope and host`, async (t) => {
    const { host, record, blocks, counted, addHost } = await start(t);
    const other = await addHost();
    const [first, second] = [block(), block({ at: "2026-11-24T09:00:00.000Z", count: 4 })];
    await record([first, second, block({ hash: sha256(2), scope: "host", kind: "killed" })]);
    await record([block()], { sensorId: other });
    const { events, counts } = await blocks.list({ sensorId: host, hash: sha256(1) }, 10);
    assert.deepEqual(events, [
      { ...first, sensorId: host, receivedAt: "2026-11-24T10:00:00.000Z" },
      { ...second, sensorId: host, receivedAt: "2026-11-24T10:00:00.000Z" },
    ]);
    assert.deepEqual(counts, [
      { hash: sha256(1), scope: "all", sensorId: host, blocks: 5, firstAt: second.at, lastAt: first.at },
    ]);
    assert.equal((await blocks.list({}, 10)).events.length, 4);
    assert.equal((await blocks.list({}, 2)).events.length, 2);
    assert.deepEqual(counted, ["1 denied", "4 denied", "1 killed", "1 denied"]);
  });

  test(`${kind.name}: an event that comes again counts once, also within one report; the same ID of another host is another`, async (t) => {
    const { record, blocks, addHost } = await start(t);
    const other = await addHost();
    const event = block();
    await record([event, { ...event, eventId: event.eventId.toUpperCase() }]);
    await record([event]);
    await record([event], { sensorId: other });
    assert.deepEqual(
      (await blocks.list({}, 10)).counts.map((count) => count.blocks),
      [1, 1],
    );
  });

  test(`${kind.name}: the last 24 hours are those of the host's clock, as far as that can be`, async (t) => {
    const { record, last24h, clock, host } = await start(t);
    await record([
      block({ count: 1 }),
      block({ at: "2026-11-23T10:30:00.000Z", count: 10 }),
      block({ at: "2026-11-20T10:00:00.000Z", count: 100 }),
      block({ at: "2099-01-01T00:00:00.000Z", count: 1000 }),
      block({ scope: "host", count: 10_000 }),
    ]);
    assert.deepEqual([await last24h(), await last24h(host, "host")], [1011, 10_000]);
    clock.pass(2 * hour);
    assert.equal(await last24h(), 1001);
    clock.pass(24 * hour);
    assert.equal(await last24h(), 0);
  });

  test(`${kind.name}: what a host knows only to have lost adds up over its journals, however often it says so`, async (t) => {
    const { record, blocks, counted, host } = await start(t);
    await record([block()], { lostInAll: 5 });
    await record([block()], { lostInAll: 5 });
    await record([block()], { lostInAll: 3 });
    await record([block()], { lostInAll: 7 });
    const next = randomUUID();
    await record([block()], { lostInAll: 0, journal: next });
    await record([block()], { lostInAll: 1, journal: next });
    assert.deepEqual((await blocks.list({ sensorId: host }, 1)).losses, [{ sensorId: host, lost: 8 }]);
    assert.deepEqual(
      counted.filter((what) => what.endsWith("lost")),
      ["5 lost", "2 lost", "1 lost"],
    );
  });

  test(`${kind.name}: whatever a host says, what is kept is clean, bounded and can be read back`, async (t) => {
    const { record, blocks } = await start(t);
    const text = fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)) });
    const hostile = fc.oneof(
      fc.anything({ withNullPrototype: false }),
      fc.record({
        path: text,
        at: text,
        ruleName: text,
        userName: text,
        userId: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
        count: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
        processes: fc.array(fc.record({ pid: fc.nat(), name: text, commandLine: text }), { maxLength: 3 }),
      }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(hostile, { maxLength: 4 }),
        fc.nat({ max: Number.MAX_SAFE_INTEGER }),
        async (said, lostInAll) => {
          await record(
            said.map((one) => ({ ...block(), ...(one as object), eventId: randomUUID() })),
            { lostInAll },
          );
        },
      ),
      { numRuns: 30 },
    );
    const { events } = await blocks.list({}, 1000);
    assert.ok(events.length > 0);
    for (const { path, at, userName, processes } of events) {
      assert.match(at, /^\d{4}-\d\d-\d\dT/);
      assert.doesNotMatch(
        [path, userName, ...processes.flatMap(({ name, commandLine }) => [name, commandLine])].join(),
        /\p{Cc}/u,
      );
    }
  });

  test(`${kind.name}: what is old, or too much of one host, is forgotten; and all of a host that is removed`, async (t) => {
    const { record, blocks, clock, hosts, host, addHost, database } = await start(t);
    const quiet = await addHost();
    await record([block()], { sensorId: quiet });
    for (let report = 0; report < 21; report++) {
      clock.pass(1000);
      await record(
        Array.from({ length: 100 }, (_, number) =>
          block({ hash: sha256(1000 * report + number), at: clock.now().toISOString() }),
        ),
      );
    }
    await blocks.prune();
    const kept = await blocks.list({ sensorId: host }, 9999);
    assert.ok(kept.events.length <= 2_000 && kept.events.length >= 1_900, String(kept.events.length));
    assert.equal((await blocks.list({ sensorId: quiet }, 10)).events.length, 1);
    clock.pass(31 * 24 * hour);
    await blocks.prune();
    assert.equal((await blocks.list({}, 10)).events.length, 0);
    assert.equal((await blocks.list({ sensorId: quiet }, 10)).counts.length, 1, "counts are kept for longer");
    clock.pass(60 * 24 * hour);
    await blocks.prune();
    assert.equal((await blocks.list({}, 10)).counts.length, 0);
    await record([block()], { lostInAll: 1 });
    await hosts.remove(host, soar);
    for (const table of ["block_events", "block_counts", "block_hours", "block_losses"] as const)
      assert.deepEqual(await database.read.selectFrom(table).selectAll().execute(), [], table);
  });
}
