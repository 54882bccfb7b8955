import assert from "node:assert/strict";
import { test } from "node:test";
import { openDatabase } from "./database.ts";
import { testDatabases } from "./test-databases.ts";

const postgres = testDatabases.find(({ name }) => name === "PostgreSQL");

test("a Central Node that hangs while it has the turn delays the others' orders, and fails none of them", async (t) => {
  assert.ok(postgres !== undefined);
  const location = await postgres.locate(t);
  const [hanging, other] = [await openDatabase(location), await openDatabase(location)];
  t.after(() => other.close());
  let goOn = () => {};
  const hung = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const begun = Promise.withResolvers<void>();
  const lost = hanging.writeInTurn(async (tx) => {
    begun.resolve();
    await hung;
    await tx.insertInto("meta").values({ key: "lost", value: "by who hung" }).execute();
  });
  lost.catch(() => {}); // looked at below
  await begun.promise;
  const startedMs = performance.now();
  await other.writeInTurn((tx) => tx.insertInto("meta").values({ key: "kept", value: "by the other" }).execute());
  t.diagnostic(`waited ${Math.round(performance.now() - startedMs)} ms`);

  goOn();
  await assert.rejects(lost, "what was under way in it is undone, and whoever ordered it is told");
  await hanging.writeInTurn((tx) => tx.insertInto("meta").values({ key: "again", value: "by who hung" }).execute());
  const rows = await other.read
    .selectFrom("meta")
    .select("key")
    .where("key", "in", ["lost", "kept", "again"])
    .execute();
  assert.deepEqual(rows.map(({ key }) => key).sort(), ["again", "kept"]);
  await hanging.close();
});
