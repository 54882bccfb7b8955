import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { type Kysely, sql } from "kysely";
import pg from "pg";
import { openDatabase } from "./database.ts";
import { migrate } from "./migrate.ts";
import { migratePostgres } from "./migrate-postgres.ts";
import { migrations } from "./migrations/index.ts";
import type { Migration } from "./migrations/migration.ts";
import { testDatabases } from "./test-databases.ts";

const [sqlite, postgres] = testDatabases;
assert.ok(sqlite && postgres);

const addColumn: Migration = {
  name: "9999-next",
  up: async (db) => void (await sql`alter table host_addresses add column next text`.execute(db)),
};
const next = [...migrations, addColumn];

test("PostgreSQL: while the next version migrates, nodes of this one go on writing, and none waits long", async (t) => {
  const location = await postgres.locate(t);
  const nodes = [await openDatabase(location), await openDatabase(location)];
  t.after(() => Promise.all(nodes.map((node) => node.close())));
  // Somebody's long transaction on the very table: a migration that waited for it would make all others wait, too.
  const holder = new pg.Client({ connectionString: location });
  await holder.connect();
  await holder.query("begin");
  await holder.query("select * from host_addresses");

  let migrated = false;
  const longest: number[] = [];
  const written = nodes.map(async (node, which) => {
    let count = 0;
    for (; !migrated || count < 10; count++) {
      const began = performance.now();
      await node.writeInTurn(async (tx) => {
        await tx
          .insertInto("host_addresses")
          .values({ sensor_id: `${which}-${count}`, address: "::1" })
          .execute();
      });
      longest[which] = Math.max(longest[which] ?? 0, performance.now() - began);
    }
    return count;
  });
  // The lock is let go only once an attempt was given up for it.
  const migration = migratePostgres(location, next).finally(() => {
    migrated = true;
  });
  const waits = () => sql<{ n: number }>`
    select count(*)::int as n from pg_stat_activity
    where application_name = 'cordon-migration' and datname = current_database() and wait_event_type = 'Lock'`;
  const waiting = async () => (await waits().execute(nodes[0]?.read as Kysely<unknown>)).rows[0]?.n === 1;
  while (!(await waiting())) await setImmediate();
  while (await waiting()) await setImmediate();
  assert.equal(migrated, false);
  await holder.query("commit");
  await holder.end();
  await migration;
  const counts = await Promise.all(written);
  const { rows } = await sql<{ n: number }>`select count(*)::int as n from host_addresses where next is null`.execute(
    nodes[0]?.read as Kysely<unknown>,
  );
  assert.equal(rows[0]?.n, (counts[0] ?? 0) + (counts[1] ?? 0));
  assert.ok(Math.max(...longest) < 5000, `a write took ${Math.max(...longest)} ms`);
});

test("PostgreSQL: two nodes of the next version that start at once migrate once; one of this version is refused", async (t) => {
  const location = await postgres.locate(t);
  await (await openDatabase(location)).close();
  await Promise.all([migratePostgres(location, next), migratePostgres(location, next)]);
  await assert.rejects(openDatabase(location), /written by a newer or another Cordon .*"9999-next"/);
});

for (const kind of testDatabases) {
  test(`${kind.name}: a migration that fails leaves everything as it was, and says what to do`, async (t) => {
    const location = await kind.locate(t);
    await (await openDatabase(location)).close();
    const failing: Migration = {
      name: "9999-failing",
      async up(db) {
        await addColumn.up(db);
        await sql`insert into no_such_table values (1)`.execute(db);
      },
    };
    const database = await kind.open(t);
    const list = [...migrations, failing];
    const attempt =
      kind.name === "SQLite"
        ? database.write((tx) => migrate(inTransaction(tx), "sqlite", list))
        : migratePostgres(location, list);
    await assert.rejects(attempt, /"9999-failing" failed and changed nothing: .*no_such_table.* go back to it/);
    await assert.rejects(sql`select next from host_addresses`.execute(database.read));
    await (await openDatabase(location)).close();
  });
}

/** `migrate` opens a transaction; here it is in one already. */
function inTransaction(tx: Kysely<never> | object): never {
  return { transaction: () => ({ execute: (work: (inner: unknown) => unknown) => work(tx) }) } as never;
}

test("a migration after the fourth only adds what older nodes can do without, or says why not", async (t) => {
  const database = await sqlite.open(t);
  await database.write((tx) => takeBack(tx as unknown as Kysely<unknown>));
  const columns = async () => {
    const { rows } = await sql<{ name: string; needed: number }>`
      select m.name || '.' || p.name as name, p."notnull" = 1 and p.dflt_value is null as needed, m.name as in_table
      from sqlite_schema m, pragma_table_info(m.name) p where m.type = 'table'`.execute(database.read);
    return new Map(rows.map(({ name, needed }) => [name, needed === 1]));
  };
  let before = new Map<string, boolean>();
  for (const [index, migration] of migrations.entries()) {
    await database.write((tx) => migration.up(tx as unknown as Kysely<unknown>));
    const after = await columns();
    if (index >= 4 && migration.removes === undefined) {
      for (const name of before.keys()) assert.ok(after.has(name), `${migration.name} takes ${name} away`);
      const tables = new Set([...before.keys()].map((name) => name.split(".")[0]));
      for (const [name, needed] of after) {
        const isNewInOld = !before.has(name) && tables.has(name.split(".")[0]);
        assert.ok(!(isNewInOld && needed), `${migration.name}: older nodes write no ${name}, it needs a default`);
      }
    }
    before = after;
  }
});

async function takeBack(db: Kysely<unknown>): Promise<void> {
  const { rows } = await sql<{ name: string }>`select name from sqlite_schema where type = 'table'`.execute(db);
  for (const { name } of rows) await sql`drop table ${sql.table(name)}`.execute(db);
}
