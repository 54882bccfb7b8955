import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { sql } from "kysely";
import { openDatabase, takesWrites } from "./database.ts";
import { readOrMakeLineage } from "./lineage.ts";
import { migrations } from "./migrations/index.ts";
import { testDatabases } from "./test-databases.ts";

test("a fresh SQLite database has the schema that is checked in as schema.sql", async (t) => {
  const [sqlite] = testDatabases;
  assert.ok(sqlite);
  const location = await sqlite.locate(t);
  await (await openDatabase(location)).close();
  const file = new DatabaseSync(location, { readOnly: true });
  const rows = file
    .prepare("select sql from sqlite_schema where sql is not null order by tbl_name, type desc, name")
    .all();
  file.close();
  const schema = rows.map((row) => `${String(row.sql).replaceAll(/\s+/g, " ")};\n`).join("");
  assert.equal(schema, await readFile(new URL("./schema.sql", import.meta.url), "utf8"));
});

test("an SQLite file, which holds the CA's key, is for its owner alone, also where the umask allows more", async (t) => {
  const [sqlite] = testDatabases;
  assert.ok(sqlite);
  const location = await sqlite.locate(t);
  const before = process.umask(0o000);
  t.after(() => process.umask(before));
  const database = await openDatabase(location);
  t.after(() => database.close());
  await readOrMakeLineage(database);
  for (const suffix of ["", "-wal", "-shm"]) assert.equal(statSync(location + suffix).mode & 0o777, 0o600, suffix);
});

for (const kind of testDatabases) {
  test(`${kind.name}: both databases have the same tables and columns`, async (t) => {
    const database = await kind.open(t);
    const rows =
      kind.name === "SQLite"
        ? await sql<{ name: string }>`
            select m.name || '.' || p.name as name from sqlite_schema m, pragma_table_info(m.name) p
            where m.type = 'table'`.execute(database.read)
        : await sql<{ name: string }>`
            select table_name || '.' || column_name as name from information_schema.columns
            where table_schema = 'public'`.execute(database.read);
    const schema = await readFile(new URL("./schema.sql", import.meta.url), "utf8");
    const expected = [...schema.matchAll(/^create table (\w+) ?\((.*)\);$/gim)].flatMap(([, table, columns = ""]) =>
      columns
        .split(/,\s*(?![^(]*\))/)
        .map((column) => column.trim().split(" ")[0])
        .filter((column) => column !== "primary")
        .map((column) => `${table}.${column}`),
    );
    assert.deepEqual(rows.rows.map((row) => row.name).sort(), expected.sort());
  });

  test(`${kind.name}: a database that is opened again keeps what it holds and is migrated no second time`, async (t) => {
    const location = await kind.locate(t);
    const first = await openDatabase(location);
    const lineage = await readOrMakeLineage(first);
    await first.close();
    const second = await openDatabase(location);
    t.after(() => second.close());
    assert.equal(await readOrMakeLineage(second), lineage);
  });

  test(`${kind.name}: a database that a newer Cordon wrote is refused, and the message says what to do`, async (t) => {
    const location = await kind.locate(t);
    const first = await openDatabase(location);
    const next = migrations.length + 1;
    await first.write((tx) =>
      sql`insert into migrations (position, name) values (${next}, 'from-the-future')`.execute(tx),
    );
    await first.close();
    await assert.rejects(openDatabase(location), {
      message: `the database was written by a newer or another Cordon (it has migration ${next} "from-the-future", this program has none there): start the newer program`,
    });
  });

  test(`${kind.name}: a database with another history of migrations is refused`, async (t) => {
    const location = await kind.locate(t);
    const first = await openDatabase(location);
    await first.write((tx) => sql`update migrations set name = '0001-of-a-fork' where position = 1`.execute(tx));
    await first.close();
    await assert.rejects(
      openDatabase(location),
      /it has migration 1 "0001-of-a-fork", this program has "0001-initial"/,
    );
  });

  test(`${kind.name}: it is reachable while it is open, and says so when it is not`, async (t) => {
    const database = await openDatabase(await kind.locate(t));
    assert.equal(await takesWrites(database), true);
    await database.close();
    assert.equal(await takesWrites(database), false);
  });

  if (kind.name === "SQLite") continue; // one process, one writer: a second Central Node is refused before it opens the file

  test(`${kind.name}: Central Nodes that open an empty database at once migrate it once, and share one lineage`, async (t) => {
    const location = await kind.locate(t);
    const databases = await Promise.all(Array.from({ length: 4 }, () => openDatabase(location)));
    t.after(() => Promise.all(databases.map((database) => database.close())));
    const lineages = await Promise.all(databases.map(readOrMakeLineage));
    assert.equal(new Set(lineages).size, 1);
  });
}
