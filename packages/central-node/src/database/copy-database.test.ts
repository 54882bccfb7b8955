import assert from "node:assert/strict";
import { test } from "node:test";
import { sql } from "kysely";
import { copyDatabase } from "./copy-database.ts";
import { openDatabase } from "./database.ts";
import { readOrMakeLineage } from "./lineage.ts";
import { testDatabases } from "./test-databases.ts";

const [sqlite, postgres] = testDatabases;
assert.ok(sqlite && postgres);

for (const [from, to] of [
  [sqlite, postgres],
  [postgres, sqlite],
] as const) {
  test(`a move from ${from.name} to ${to.name} brings every row and keeps the lineage`, async (t) => {
    const location = await from.locate(t);
    const source = await openDatabase(location);
    t.after(() => source.close());
    const lineage = await readOrMakeLineage(source);
    await source.write(async (tx) => {
      for (let start = 0; start < 3000; start += 500) {
        const rows = Array.from({ length: 500 }, (_, index) => ({
          sensor_id: `host-${start + index}`,
          address: "10.0.0.1 ä\u2028",
        }));
        await tx.insertInto("host_addresses").values(rows).execute();
      }
    });
    const target = await to.open(t);
    const counts = await copyDatabase(location, target, { newLineage: false });
    assert.equal(counts.host_addresses, 3000);
    assert.equal(await readOrMakeLineage(target), lineage);
    const everything = async (database: typeof source) => {
      const rows = await database.read.selectFrom("host_addresses").selectAll().orderBy("sensor_id").execute();
      return rows.map(({ sensor_id, address }) => [sensor_id, address]);
    };
    assert.deepEqual(await everything(target), await everything(source));
    await assert.rejects(copyDatabase(location, target, { newLineage: false }), /the target is not empty/);
  });

  test(`a copy from ${from.name} to ${to.name} under writes is one state, and has a lineage of its own`, async (t) => {
    const location = await from.locate(t);
    const source = await openDatabase(location);
    t.after(() => source.close());
    const lineage = await readOrMakeLineage(source);
    const pair = (index: number) =>
      source.write(async (tx) => {
        await tx
          .insertInto("meta")
          .values({ key: `pair-${index}`, value: "" })
          .execute();
        await tx
          .insertInto("host_addresses")
          .values({ sensor_id: `pair-${index}`, address: "::1" })
          .execute();
      });
    for (let index = 0; index < 100; index++) await pair(index);
    const target = await to.open(t);
    const writing = (async () => {
      for (let index = 100; index < 200; index++) await pair(index);
    })();
    const [counts] = await Promise.all([copyDatabase(location, target, { newLineage: true }), writing]);
    assert.equal(counts.meta, (counts.host_addresses ?? 0) + 1);
    assert.notEqual(await readOrMakeLineage(target), lineage);
  });

  test(`a copy from ${from.name} to ${to.name} that fails half-way leaves the target empty`, async (t) => {
    const location = await from.locate(t);
    const source = await openDatabase(location);
    t.after(() => source.close());
    await readOrMakeLineage(source);
    await source.write((tx) => tx.insertInto("host_addresses").values({ sensor_id: "a", address: "b" }).execute());
    const target = await to.open(t);
    // A column that the target lacks, in a table that is copied after others.
    await source.write((tx) => sql`alter table tasks add column stray text`.execute(tx));
    await source.write((tx) =>
      sql`insert into tasks (task_id, sensor_id, action, parameters, start_now, state, created_at, created_by, expires_at,
        stdout_truncated, stderr_truncated) values ('t', 'a', 'x', '{}', 1, 'queued', '', '', '', 0, 0)`.execute(tx),
    );
    await assert.rejects(copyDatabase(location, target, { newLineage: false }), /stray/);
    assert.deepEqual(await target.read.selectFrom("host_addresses").selectAll().execute(), []);
  });

  test(`a source of another version is not copied from ${from.name} to ${to.name}`, async (t) => {
    const location = await from.locate(t);
    const source = await openDatabase(location);
    t.after(() => source.close());
    await source.write((tx) => sql`insert into migrations (position, name) values (99, 'later')`.execute(tx));
    await assert.rejects(
      copyDatabase(location, await to.open(t), { newLineage: false }),
      /the source's schema is not this program's/,
    );
  });
}
