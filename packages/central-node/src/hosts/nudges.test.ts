import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import pg from "pg";
import { testDatabases } from "../database/test-databases.ts";
import { silentLog } from "../test-services.ts";
import { createNudges, type Nudge } from "./nudges.ts";

const nudge = (target: string): Nudge => ({ target, about: "settings" });

/** An instance, as each Central Node has one, with what reaches it. */
async function start(t: TestContext, postgresUrl: string | null) {
  const nudges = createNudges({ postgresUrl, log: silentLog });
  const received: Nudge[] = [];
  let gaps = 0;
  let look = () => {};
  nudges.onNudge((each) => {
    received.push(each);
    look();
  });
  nudges.onGap(() => {
    gaps += 1;
    look();
  });
  await nudges.start();
  t.after(() => nudges.close());
  return {
    nudges,
    received,
    gaps: () => gaps,
    /** Resolves once it holds; looks at each nudge and each gap. */
    until: (holds: () => boolean) =>
      new Promise<void>((resolve) => {
        look = () => holds() && resolve();
        look();
      }),
  };
}

async function client(t: TestContext, url: string) {
  const one = new pg.Client({ connectionString: url });
  // Dropping the test's database ends it.
  one.on("error", () => {});
  await one.connect();
  t.after(() => one.end());
  return one;
}

test("without PostgreSQL a nudge reaches this Central Node itself, at once, and nothing need be connected", async (t) => {
  const { nudges, received } = await start(t, null);
  nudges.nudge(nudge("a"));
  assert.deepEqual(received, [nudge("a")]);
  assert.equal(nudges.isConnected(), true);
});

const [, postgres] = testDatabases;
assert.ok(postgres?.name === "PostgreSQL");

test("a nudge reaches every Central Node on one PostgreSQL once, the one that gave it included", async (t) => {
  const url = await postgres.locate(t);
  const [one, two, three] = [await start(t, url), await start(t, url), await start(t, url)];
  one.nudges.nudge(nudge("a"));
  two.nudges.nudge(nudge("b"));
  for (const instance of [one, two, three]) await instance.until(() => instance.received.length >= 2);
  // Everything before this one has come by then, also what came twice.
  three.nudges.nudge(nudge("last"));
  for (const instance of [one, two, three]) {
    await instance.until(() => instance.received.some(({ target }) => target === "last"));
    assert.deepEqual(instance.received.map(({ target }) => target).sort(), ["a", "b", "last"]);
  }
});

test("1,000 nudges at once all arrive, in order, though PostgreSQL takes few of them in one notification", async (t) => {
  const url = await postgres.locate(t);
  const [one, two] = [await start(t, url), await start(t, url)];
  const targets = Array.from(
    { length: 1000 },
    (_, index) => `11111111-1111-4111-8111-${String(index).padStart(12, "0")}`,
  );
  for (const target of targets) one.nudges.nudge({ target, about: "removal" });
  await two.until(() => two.received.length >= targets.length);
  assert.deepEqual(
    two.received.map(({ target }) => target),
    targets,
  );
});

test("what another program sends on the channel is dropped", async (t) => {
  const url = await postgres.locate(t);
  const { received, until } = await start(t, url);
  const stranger = await client(t, url);
  for (const payload of ["", "not JSON", "null", "7", "[]", "{}", '{"nudges":7}', '{"nudges":[null,7,{}]}']) {
    await stranger.query("select pg_notify('cordon_nudges', $1)", [payload]);
  }
  await stranger.query("select pg_notify('cordon_nudges', $1)", [JSON.stringify({ from: "x", nudges: [nudge("a")] })]);
  await until(() => received.some((each) => each?.target === "a"));
  assert.deepEqual(received, [nudge("a")]);
});

test("an instance whose connection is cut connects again, and then says that it may have missed something", async (t) => {
  const url = await postgres.locate(t);
  const [one, two] = [await start(t, url), await start(t, url)];
  const administrator = await client(t, url);
  const gapsBefore = two.gaps();
  await administrator.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'cordon-nudges' and datname = current_database()",
  );
  await two.until(() => two.gaps() > gapsBefore);
  await one.until(() => one.nudges.isConnected() && one.gaps() > 1);
  assert.equal(two.nudges.isConnected(), true);
  one.nudges.nudge(nudge("after"));
  await two.until(() => two.received.some(({ target }) => target === "after"));
});

test("what is nudged while the connection is away reaches the others when it is back", async (t) => {
  const url = await postgres.locate(t);
  const administrator = await client(t, url);
  const one = await start(t, url);
  const pids = await administrator.query<{ pid: number }>(
    "select pid from pg_stat_activity where application_name = 'cordon-nudges' and datname = current_database()",
  );
  const two = await start(t, url);
  await administrator.query("select pg_terminate_backend($1)", [pids.rows[0]?.pid]);
  while (one.nudges.isConnected()) await setImmediate();
  one.nudges.nudge(nudge("missed"));
  one.nudges.nudge(nudge("missed"));
  await two.until(() => two.received.length > 0);
  one.nudges.nudge(nudge("last"));
  await two.until(() => two.received.some(({ target }) => target === "last"));
  assert.deepEqual(
    two.received.map(({ target }) => target),
    ["missed", "last"],
  );
  assert.equal(two.gaps(), 1, "it never was away itself");
});

test("while its connection is away an instance still nudges itself", async (t) => {
  const url = await postgres.locate(t);
  const { nudges, received } = await start(t, url);
  await nudges.close();
  assert.equal(nudges.isConnected(), false);
  nudges.nudge(nudge("a"));
  assert.deepEqual(received, [nudge("a")]);
});

test("closing while a connection is being made leaves none behind", async (t) => {
  const url = await postgres.locate(t);
  const administrator = await client(t, url);
  const nudges = createNudges({ postgresUrl: url, log: silentLog });
  const starting = nudges.start();
  await nudges.close();
  await starting.catch(() => {}); // whether it still stood for a moment does not matter
  const open = () =>
    administrator.query(
      "select 1 from pg_stat_activity where application_name = 'cordon-nudges' and datname = current_database()",
    );
  // PostgreSQL takes a moment to see that a client has left.
  for (let rows = (await open()).rowCount; rows !== 0; rows = (await open()).rowCount) {
    assert.equal(nudges.isConnected(), false, "it is connected after it was closed");
  }
});

test("where PostgreSQL cannot be reached starting fails, so that nobody runs without nudges unawares", async () => {
  const nudges = createNudges({ postgresUrl: "postgres://nobody@127.0.0.1:1/none", log: silentLog });
  await assert.rejects(nudges.start(), { code: "ECONNREFUSED" });
  await nudges.close();
});
