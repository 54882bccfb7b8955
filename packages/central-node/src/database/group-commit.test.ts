import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { type TestContext, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { Kysely, sql } from "kysely";
import { type Database, openDatabase, type Tx } from "./database.ts";
import { createGroupCommit, createPace } from "./group-commit.ts";
import { createNodeSqliteDialect } from "./node-sqlite-dialect.ts";
import type { Tables } from "./tables.ts";
import { testDatabases } from "./test-databases.ts";

const put = (tx: Tx, key: string, value = "") => tx.insertInto("meta").values({ key, value }).execute();
const keys = async (database: Database) =>
  (await database.read.selectFrom("meta").select("key").orderBy("key").execute()).map((row) => row.key);
/** Reads, then writes: right only where nobody else writes in between. */
async function add(tx: Tx, key: string) {
  const { value } = await tx.selectFrom("meta").select("value").where("key", "=", key).executeTakeFirstOrThrow();
  await tx
    .updateTable("meta")
    .set({ value: String(Number(value) + 1) })
    .where("key", "=", key)
    .execute();
}
const mark = (tx: Tx, key: string) =>
  tx.updateTable("meta").set({ value: sql`value || '+'` }).where("key", "=", key).execute();

for (const kind of testDatabases) {
  test(`${kind.name}: of works that share a commit one that throws is undone alone`, async (t) => {
    const database = await kind.open(t);
    const refusal = new Error("not today");
    const outcomes = await Promise.allSettled([
      database.write((tx) => put(tx, "a")),
      database.write(async (tx) => {
        await put(tx, "b");
        throw refusal;
      }),
      database.write((tx) => put(tx, "c")),
    ]);
    assert.deepEqual(
      outcomes.map((outcome) => (outcome.status === "rejected" ? outcome.reason : "done")),
      ["done", refusal, "done"],
    );
    assert.deepEqual(await keys(database), ["a", "c"]);
  });

  test(`${kind.name}: a work that the database refuses is undone alone`, async (t) => {
    const database = await kind.open(t);
    const outcomes = await Promise.allSettled(["a", "a", "b"].map((key) => database.write((tx) => put(tx, key))));
    assert.deepEqual(
      outcomes.map((outcome) => outcome.status),
      ["fulfilled", "rejected", "fulfilled"],
    );
    assert.deepEqual(await keys(database), ["a", "b"]);
  });

  test(`${kind.name}: works run in the order they came in, each after the one before has ended`, async (t) => {
    const database = await kind.open(t);
    for (const write of [database.write, database.writeInTurn]) {
      const steps: string[] = [];
      await Promise.all(
        ["a", "b", "c"].map((key) =>
          write(async (tx) => {
            steps.push(`${key} starts`);
            await mark(tx, key);
            steps.push(`${key} ends`);
          }),
        ),
      );
      assert.deepEqual(steps, ["a starts", "a ends", "b starts", "b ends", "c starts", "c ends"]);
    }
  });

  test(`${kind.name}: a work in turn does not wait behind a thousand others, and they get on meanwhile`, async (t) => {
    const database = await kind.open(t);
    let othersDone = 0;
    const others = Array.from({ length: 1000 }, () =>
      database
        .write((tx) => mark(tx, "none"))
        .then(() => {
          othersDone += 1;
        }),
    );
    // The first hundreds are under way by the time that these come.
    await others[0];
    for (let turns = 0; turns < 3; turns++) {
      const before = othersDone;
      await database.writeInTurn((tx) => mark(tx, "none"));
      assert.ok(othersDone - before < 400 && othersDone < 1000, `${othersDone - before} others came before it`);
    }
    await Promise.all(others);
  });

  test(`${kind.name}: a work that is alone in its commit and throws is undone, and is told why`, async (t) => {
    const database = await kind.open(t);
    const refusal = new Error("not today");
    const work = database.writeInTurn(async (tx) => {
      await put(tx, "a");
      throw refusal;
    });
    await assert.rejects(work, refusal);
    assert.deepEqual(await keys(database), []);
  });

  test(`${kind.name}: what resolved is what another connection sees, and nothing of it before`, async (t) => {
    const location = await kind.locate(t);
    const [database, other] = [await open(t, location), await open(t, location)];
    let seenMeanwhile: string[] | null = null;
    await database.write(async (tx) => {
      await put(tx, "a");
      seenMeanwhile = [...(await keys(other)), ...(await keys(database))];
    });
    assert.deepEqual(seenMeanwhile, []);
    assert.deepEqual(await keys(database), ["a"]);
    // The other's reads of that turn share a snapshot.
    await setImmediate();
    assert.deepEqual(await keys(other), ["a"]);
  });

  test(`${kind.name}: 1,000 works at once all become true, and closing waits for them`, async (t) => {
    const location = await kind.locate(t);
    const database = await openDatabase(location);
    const works = Array.from({ length: 1000 }, (_, index) => database.write((tx) => put(tx, String(index))));
    await database.close();
    await Promise.all(works);
    assert.equal((await keys(await open(t, location))).length, 1000);
  });

  test(`${kind.name}: works that wait for the event loop inside do not mix with others`, async (t) => {
    const database = await kind.open(t);
    await database.write((tx) => put(tx, "count", "0"));
    await Promise.all(
      Array.from({ length: 20 }, () =>
        database.write(async (tx) => {
          await setImmediate();
          await add(tx, "count");
        }),
      ),
    );
    const { value } = await database.read.selectFrom("meta").select("value").executeTakeFirstOrThrow();
    assert.equal(value, "20");
  });

  if (kind.name === "SQLite") continue; // one process, one writer

  test(`${kind.name}: what a work in turn reads stays true until it commits, also with two Central Nodes`, async (t) => {
    const location = await kind.locate(t);
    const databases = [await open(t, location), await open(t, location)];
    await databases[0]?.write((tx) => put(tx, "count", "0"));
    await Promise.all(
      Array.from({ length: 40 }, (_, index) => databases[index % 2]?.writeInTurn((tx) => add(tx, "count"))),
    );
    const { value } = (await databases[0]?.read.selectFrom("meta").select("value").executeTakeFirstOrThrow()) ?? {};
    assert.equal(value, "40");
  });

  test(`${kind.name}: two Central Nodes that deadlock both get through, each once`, async (t) => {
    const location = await kind.locate(t);
    const [one, two] = [await open(t, location), await open(t, location)];
    await one.write(async (tx) => {
      await put(tx, "a");
      await put(tx, "b");
    });
    let runs = 0;
    let holding = 0;
    let bothHold = () => {};
    const met = new Promise<void>((resolve) => {
      bothHold = resolve;
    });
    const inOrder = (first: string, second: string) => async (tx: Tx) => {
      runs += 1;
      await mark(tx, first);
      holding += 1;
      if (holding === 2) bothHold();
      await met;
      await mark(tx, second);
    };
    await Promise.all([one.write(inOrder("a", "b")), two.write(inOrder("b", "a"))]);
    const rows = await one.read.selectFrom("meta").selectAll().orderBy("key").execute();
    assert.deepEqual(rows, [
      { key: "a", value: "++" },
      { key: "b", value: "++" },
    ]);
    assert.equal(runs, 3, "PostgreSQL undid one of the two, and it ran again");
  });
}

test("works that nobody waits for share commits though they come in one by one", async () => {
  const { commits, add } = startGroupCommit({ commitMs: 2 });
  const works: Promise<unknown>[] = [];
  for (let number = 0; number < 100; number += 1) {
    works.push(add(`${number}`));
    await setImmediate();
  }
  await Promise.all(works);
  assert.ok(commits() <= 20, `${commits()} commits of 100 works`);
});

test("the steps of one task do not wait for each other; commits without end take a tenth of the time", () => {
  const [task, storm] = [createPace(), createPace()];
  assert.deepEqual([task(5), task(5), task(5)], [0, 0, 0]);
  const rests = Array.from({ length: 100 }, () => storm(4));
  const last = rests.at(-1);
  assert.equal(last, 50, "no rest is longer, however many went before");
});

test("after a commit of works that nobody waits for the next ones wait, until one comes that somebody waits for", async () => {
  const { commits, add } = startGroupCommit({ restMs: () => 3_600_000 });
  await add("first");
  const late = add("late");
  for (let turn = 0; turn < 10; turn += 1) await setImmediate();
  assert.equal(commits(), 1);
  await add("ordered", { inTurn: true });
  await late;
  assert.equal(commits(), 2);
  // No rest after that one: its answer is a report, say.
  await add("answer");
  assert.equal(commits(), 3);
});

/** On a database in memory, each of whose commits takes so long. */
function startGroupCommit({ commitMs = 0, ...options }: { commitMs?: number; restMs?: () => number }) {
  let commits = 0;
  const afterCommit = () => {
    commits += 1;
    for (const endMs = performance.now() + commitMs; performance.now() < endMs; );
  };
  const sqlite = new DatabaseSync(":memory:");
  sqlite.exec("create table meta (key text primary key, value text not null)");
  sqlite.exec("create table write_turn (id integer primary key, turn bigint not null)");
  const db = new Kysely<Tables>({ dialect: createNodeSqliteDialect(sqlite, { afterCommit }) });
  const group = createGroupCommit(db, options);
  return {
    commits: () => commits,
    add: (key: string, { inTurn = false } = {}) => group.add((tx) => put(tx, key), { inTurn }),
  };
}

async function open(t: TestContext, location: string): Promise<Database> {
  const database = await openDatabase(location);
  t.after(() => database.close());
  return database;
}
