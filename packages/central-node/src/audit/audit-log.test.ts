import assert from "node:assert/strict";
import { test } from "node:test";
import { openDatabase } from "../database/database.ts";
import { testDatabases } from "../database/test-databases.ts";
import { type AuditEntry, createAuditLog } from "./audit-log.ts";

const now = () => new Date("2026-11-24T10:00:00.000Z");
const entry = (object: string): AuditEntry => ({
  actor: { kind: "external-system", id: "soar", address: "192.0.2.1", fingerprint: "ab".repeat(32) },
  action: "network-isolation.set",
  object,
  result: "done",
  detail: { generation: 3 },
});

for (const kind of testDatabases) {
  test(`${kind.name}: an audit log that nobody touched is intact, also when it is empty`, async (t) => {
    const database = await kind.open(t);
    const audit = createAuditLog({ database, now });
    assert.deepEqual(await audit.verify(), { intact: true, entries: 0, lastHash: "0".repeat(64) });
    for (const object of ["a", "b", "c"]) await audit.record(entry(object));
    const check = await audit.verify();
    assert.equal(check.intact, true);
    assert.equal(check.entries, 3);
  });

  test(`${kind.name}: a changed, a removed and a swapped entry each break the chain where they stand`, async (t) => {
    const database = await kind.open(t);
    const audit = createAuditLog({ database, now });
    for (const object of ["a", "b", "c", "d"]) await audit.record(entry(object));

    await database.write((tx) => tx.updateTable("audit_log").set({ result: "refused" }).where("seq", "=", 2).execute());
    assert.deepEqual(await audit.verify(), {
      intact: false,
      entries: 1,
      brokenAtSeq: 2,
      why: "entry 2 was changed after it was written",
    });
    await database.write((tx) => tx.updateTable("audit_log").set({ result: "done" }).where("seq", "=", 2).execute());
    assert.equal((await audit.verify()).intact, true);

    await database.write((tx) => tx.deleteFrom("audit_log").where("seq", "=", 3).execute());
    const check = await audit.verify();
    assert.equal(check.intact === false && check.why, "entry 3 is missing");
  });

  if (kind.name === "SQLite") continue; // one process, one writer
  test(`${kind.name}: two Central Nodes that write at once make one chain`, async (t) => {
    const location = await kind.locate(t);
    const databases = await Promise.all([openDatabase(location), openDatabase(location)]);
    t.after(() => Promise.all(databases.map((database) => database.close())));
    const logs = databases.map((database) => createAuditLog({ database, now }));
    await Promise.all(Array.from({ length: 60 }, (_, index) => logs[index % 2]?.record(entry(String(index)))));
    const check = await logs[0]?.verify();
    assert.deepEqual([check?.intact, check?.entries], [true, 60]);
  });
}
