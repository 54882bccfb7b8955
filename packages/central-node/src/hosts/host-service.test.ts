import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { type TestContext, test } from "node:test";
import { Problem } from "@cordon/contract";
import { testDatabases } from "../database/test-databases.ts";
import {
  banned,
  createTestClock,
  createTestServices,
  facts,
  isolationWish,
  sha256,
  soar,
  uptime,
} from "../test-services.ts";

const journal = randomUUID();
const isNotFound = (error: unknown) => error instanceof Problem && error.code === "NOT_FOUND";

for (const kind of testDatabases) {
  async function start(t: TestContext) {
    const clock = createTestClock();
    const database = await kind.open(t);
    return { clock, database, ...(await createTestServices({ database, now: clock.now })) };
  }

  test(`${kind.name}: a registered host is found by its ID, by its exact name and by each of its addresses`, async (t) => {
    const { hosts, addHost } = await start(t);
    const id = await addHost({ hostName: "host4", ipAddresses: ["10.0.0.4", "fd00::4"] });
    const other = await addHost({ hostName: "host5", ipAddresses: ["10.0.0.5"] });
    const ids = async (filter: Parameters<typeof hosts.list>[0]) =>
      (await hosts.list(filter)).map((host) => host.sensorId);
    assert.deepEqual(await ids({}), [id, other]);
    assert.deepEqual(await ids({ sensorId: id }), [id]);
    assert.deepEqual(await ids({ hostName: "host4" }), [id]);
    assert.deepEqual(await ids({ hostName: "HOST4" }), []);
    assert.deepEqual(await ids({ hostName: "host" }), []);
    assert.deepEqual(await ids({ address: "10.0.0.4" }), [id]);
    assert.deepEqual(await ids({ address: "fd00::4" }), [id]);
    assert.deepEqual(await ids({ address: "10.0.0.4", hostName: "host5" }), []);
    assert.deepEqual(await ids({ address: "10.0.0.4", hostName: "host4", sensorId: id }), [id]);
  });

  test(`${kind.name}: a question that no host can answer finds none, and is no fault`, async (t) => {
    const { hosts, addHost } = await start(t);
    await addHost();
    for (const text of ["\0", "host4\0", "'; drop table hosts; --", "\ud800", "%"]) {
      assert.deepEqual(await hosts.list({ hostName: text }), []);
      assert.deepEqual(await hosts.list({ address: text }), []);
    }
  });

  test(`${kind.name}: hosts may share an address and a name, and are told apart by their IDs`, async (t) => {
    const { hosts, addHost } = await start(t);
    const ids = [await addHost(), await addHost()].sort();
    assert.deepEqual(
      (await hosts.list({ address: "10.16.40.243" })).map((host) => host.sensorId),
      ids,
    );
  });

  test(`${kind.name}: new facts take the place of the old ones, addresses included`, async (t) => {
    const { hosts, addHost } = await start(t);
    const id = await addHost({ ipAddresses: ["10.0.0.4"] });
    await hosts.updateFacts(
      id,
      facts({ hostName: "renamed", ipAddresses: ["10.0.0.9", "10.0.0.9"], capabilities: [] }),
    );
    const host = await hosts.find(id);
    assert.deepEqual(
      [host?.hostName, host?.ipAddresses, host?.capabilities],
      ["renamed", ["10.0.0.9", "10.0.0.9"], []],
    );
    assert.deepEqual(await hosts.list({ address: "10.0.0.4" }), []);
    assert.equal((await hosts.list({ address: "10.0.0.9" })).length, 1);
  });

  test(`${kind.name}: facts that are as before are not written again`, async (t) => {
    const { hosts, addHost, database } = await start(t);
    const id = await addHost({ ipAddresses: ["10.0.0.4"] });
    let writes = 0;
    const { write } = database;
    database.write = (work) => {
      writes += 1;
      return write(work);
    };
    await hosts.updateFacts(id, facts({ ipAddresses: ["10.0.0.4"] }));
    assert.equal(writes, 0);
    await hosts.updateFacts(id, facts({ ipAddresses: ["10.0.0.5"] }));
    assert.equal(writes, 1);
  });

  test(`${kind.name}: a contact that another Central Node knows to be newer is not set back`, async (t) => {
    const { hosts, addHost, database, clock } = await start(t);
    const [id, other] = [await addHost(), await addHost()];
    clock.pass(1000);
    hosts.recordContact(id);
    hosts.recordContact(other);
    const newer = "2027-01-01T00:00:00.000Z";
    await database.write((tx) =>
      tx.updateTable("hosts").set({ last_access_at: newer }).where("sensor_id", "=", id).execute(),
    );
    await hosts.flushContacts();
    assert.equal((await hosts.find(id))?.lastAccessAt, newer);
    assert.equal((await hosts.find(other))?.lastAccessAt, clock.now().toISOString());
  });

  test(`${kind.name}: what a host says of itself is kept without control characters and without half characters`, async (t) => {
    const { hosts, addHost } = await start(t);
    const id = await addHost({ hostName: "a\0b\u001b[31m\ud800c", ipAddresses: ["10.0.0.4\n"], capabilities: ["x\0"] });
    const host = await hosts.find(id);
    assert.equal(host?.hostName, "a\uFFFDb\uFFFD[31m\uFFFDc");
    assert.deepEqual(host?.ipAddresses, ["10.0.0.4\uFFFD"]);
    assert.deepEqual(host?.capabilities, ["x\uFFFD"]);
  });

  test(`${kind.name}: contacts show at once, are written together, and a later one is not lost to an earlier write`, async (t) => {
    const { hosts, addHost, clock, database } = await start(t);
    const id = await addHost();
    const stored = async () =>
      (await database.read.selectFrom("hosts").select("last_access_at").executeTakeFirstOrThrow()).last_access_at;
    clock.pass(1000);
    hosts.recordContact(id);
    assert.equal((await hosts.find(id))?.lastAccessAt, "2026-11-24T10:00:01.000Z");
    assert.equal(await stored(), "2026-11-24T10:00:00.000Z");

    const writing = hosts.flushContacts();
    clock.pass(1000);
    hosts.recordContact(id);
    await writing;
    assert.equal(await stored(), "2026-11-24T10:00:01.000Z");
    assert.equal((await hosts.find(id))?.lastAccessAt, "2026-11-24T10:00:02.000Z");
    await hosts.flushContacts();
    assert.equal(await stored(), "2026-11-24T10:00:02.000Z");
  });

  test(`${kind.name}: a removed host is gone with its settings, its reports and its bans, and its open tasks fail`, async (t) => {
    const { hosts, settings, tasks, addHost, lineage, database, nudged, audited } = await start(t);
    const [id, other] = [await addHost(), await addHost()];
    for (const target of [id, other]) {
      await settings.set({ actor: soar, target, action: "network-isolation" }, isolationWish());
      await settings.set({ actor: soar, target, action: "prevention" }, banned(sha256(1)));
      await settings.recordReport(
        target,
        {
          type: "setting-report",
          reportId: randomUUID(),
          action: "network-isolation",
          scope: "host",
          lineage,
          generation: 1,
          state: "in-effect",
          at: "2026-11-24T10:00:00.000Z",
        },
        journal,
      );
    }
    const task = (sensorId: string) =>
      tasks.create({
        actor: soar,
        taskId: randomUUID(),
        sensorId,
        action: "run-process",
        parameters: uptime,
        startNow: true,
      });
    const [mine, theirs] = [await task(id), await task(other)];

    await hosts.remove(id, soar);
    assert.equal(await hosts.find(id), null);
    await assert.rejects(hosts.require(database.read, id), isNotFound);
    await assert.rejects(hosts.remove(id, soar), isNotFound);
    await assert.rejects(settings.findInForce(id, "network-isolation"), isNotFound);
    const after = await tasks.get(mine.taskId);
    assert.deepEqual([after.state, after.reason, after.detail], ["failed", "HOST_REMOVED", "the host was removed"]);
    assert.equal((await tasks.get(theirs.taskId)).state, "waiting");
    for (const [table, column] of [
      ["host_addresses", "sensor_id"],
      ["settings", "target"],
      ["banned_files", "target"],
      ["setting_reports", "sensor_id"],
    ] as const) {
      const rows = (await database.read.selectFrom(table).selectAll().execute()) as Record<string, unknown>[];
      assert.deepEqual([...new Set(rows.map((row) => row[column]))], [other], table);
    }
    assert.deepEqual(nudged.at(-1), { target: id, about: "removal" });
    assert.deepEqual((await audited()).at(-1), {
      action: "host.remove",
      object: id,
      result: "done",
      detail: { fingerprint: soar.fingerprint, hostName: "host4" },
    });
  });

  test(`${kind.name}: an agent that speaks after its host was removed leaves nothing behind`, async (t) => {
    const { hosts, addHost, database } = await start(t);
    const id = await addHost();
    await hosts.remove(id, soar);
    await hosts.updateFacts(id, facts());
    const hello = { facts: facts(), journalId: randomUUID() };
    await hosts.recordHello(id, hello, async () => assert.fail("no host, no journal"));
    hosts.recordContact(id);
    await hosts.flushContacts();
    assert.deepEqual(await hosts.list(), []);
    assert.deepEqual(await database.read.selectFrom("host_addresses").selectAll().execute(), []);
  });

  test(`${kind.name}: a host that speaks and is not there any more is looked at, though nobody told of its removal`, async (t) => {
    const { hosts, addHost, database, nudged } = await start(t);
    const [gone, here] = [await addHost(), await addHost()];
    // As another Central Node removes it whose nudge is lost.
    await database.write((tx) => tx.deleteFrom("hosts").where("sensor_id", "=", gone).execute());
    for (const id of [gone, here]) hosts.recordContact(id);
    const before = nudged.length;
    await hosts.flushContacts();
    assert.deepEqual(nudged.slice(before), [{ target: gone, about: "settings" }]);
  });

  test(`${kind.name}: another journal than last time is told once; the first one is none`, async (t) => {
    const { hosts, addHost } = await start(t);
    const id = await addHost();
    const [first, second] = [randomUUID(), randomUUID()];
    let told = 0;
    const count = async () => {
      told += 1;
    };
    for (const journalId of [first, first, second, second]) {
      await hosts.recordHello(id, { facts: facts(), journalId }, count);
    }
    assert.equal(told, 1);
    assert.equal((await hosts.find(id))?.journalId, second);
  });
}
