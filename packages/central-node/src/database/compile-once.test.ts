import assert from "node:assert/strict";
import { test } from "node:test";
import { compileOnce } from "./compile-once.ts";
import { openDatabase } from "./database.ts";
import { testDatabases } from "./test-databases.ts";

for (const testDatabase of testDatabases) {
  test(`${testDatabase.name}: a statement compiled once takes other values each time, in transactions too`, async (t) => {
    const database = await openDatabase(await testDatabase.locate(t));
    t.after(() => database.close());
    let built = 0;
    const find = compileOnce((db, given: { one: string; other: string }) => {
      built += 1;
      return db
        .selectFrom("meta")
        .selectAll()
        .where("value", "<>", "a constant")
        .where("key", "in", [given.one, given.other, given.one])
        .orderBy("key");
    });
    await database.write(async (tx) => {
      const rows = ["a", "b", "c"].map((key) => ({ key, value: `of ${key}` }));
      await tx.insertInto("meta").values(rows).execute();
      // Not yet committed: it is the transaction that is asked.
      const found = await find(tx, { one: "a", other: "none" });
      assert.deepEqual(
        found.map(({ key, value }) => [key, value]),
        [["a", "of a"]],
      );
    });
    const keysOf = async (one: string, other: string) =>
      (await find(database.read, { one, other })).map(({ key }) => key);
    assert.deepEqual(await keysOf("c", "b"), ["b", "c"]);
    const builtByThen = built;
    assert.deepEqual(await keysOf("' or '1' = '1", "a"), ["a"]);
    assert.equal(built, builtByThen);
  });
}
