import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { openDatabase } from "./database.ts";
import { testDatabases } from "./test-databases.ts";

const [sqlite] = testDatabases;
assert.ok(sqlite);

test("a read sees what was committed just before it, though reads of the same turn share a snapshot", async (t) => {
  const database = await sqlite.open(t);
  const keys = async () =>
    (await database.read.selectFrom("meta").select("key").where("key", "like", "new%").execute()).map(({ key }) => key);
  const during = await database.write(async (tx) => {
    await tx.insertInto("meta").values({ key: "new", value: "" }).execute();
    return keys();
  });
  // In the very turn of the commit, and of the read before it.
  assert.deepEqual([during, await keys()], [[], ["new"]]);
});

test("reads of later turns see what another program has committed meanwhile", async (t) => {
  const location = await sqlite.locate(t);
  const database = await openDatabase(location);
  t.after(() => database.close());
  const find = () => database.read.selectFrom("meta").select("value").where("key", "=", "k").executeTakeFirst();
  const other = new DatabaseSync(location);
  t.after(() => other.close());
  assert.equal(await find(), undefined);
  other.exec("insert into meta values ('k', 'theirs')");
  await setImmediate();
  assert.deepEqual({ ...(await find()) }, { value: "theirs" });
});

test("a read that fails leaves those after it unharmed", async (t) => {
  const { read } = await sqlite.open(t);
  const [failed, found] = await Promise.allSettled([
    read
      .selectFrom("meta")
      .select("no_such_column" as "key")
      .execute(),
    read.selectFrom("meta").select("key").limit(1).execute(),
  ]);
  assert.deepEqual([failed.status, found.status], ["rejected", "fulfilled"]);
});

test("rows are whole after a column was added under a statement that is kept prepared", async (t) => {
  const location = await sqlite.locate(t);
  const database = await openDatabase(location);
  t.after(() => database.close());
  await database.write((tx) => tx.insertInto("meta").values({ key: "k", value: "v" }).execute());
  const find = () => database.read.selectFrom("meta").selectAll().where("key", "=", "k").executeTakeFirst();
  assert.deepEqual(await find(), { key: "k", value: "v" });
  await setImmediate();
  const other = new DatabaseSync(location);
  t.after(() => other.close());
  other.exec("alter table meta add column added text default 'later'");
  assert.deepEqual(await find(), { key: "k", value: "v", added: "later" });
});
