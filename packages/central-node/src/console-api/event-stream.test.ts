import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { testDatabases } from "../database/test-databases.ts";
import { root, startTestConsole, type TestConsole } from "./test-console.ts";

/** Over a real connection: an inject would wait for the end. */
async function follow(t: TestContext, console: TestConsole, headers: Record<string, string>) {
  const url = await listen(console);
  const gone = new AbortController();
  t.after(() => gone.abort());
  const answer = await fetch(`${url}/api/v1/events`, { headers, signal: gone.signal });
  const decoder = new TextDecoderStream();
  const reader = answer.body?.pipeThrough(decoder as unknown as ReadableWritablePair<string, Uint8Array>).getReader();
  let text = "";

  /** The next block; null: the stream has ended. */
  async function next(): Promise<string | null> {
    for (;;) {
      const end = text.indexOf("\n\n");
      if (end >= 0) {
        const block = text.slice(0, end);
        text = text.slice(end + 2);
        return block;
      }
      const chunk = await reader?.read();
      if (chunk === undefined || chunk.done) return null;
      text += chunk.value;
    }
  }
  return {
    status: answer.status,
    type: answer.headers.get("content-type"),
    next,
    leave: () => gone.abort(),
    /** The next event, whatever is said between. */
    async event(): Promise<{ topic: string; ids?: string[] } | null> {
      for (;;) {
        const block = await next();
        if (block === null) return null;
        if (block.startsWith("data: ")) return JSON.parse(block.slice(6));
      }
    },
  };
}

const urls = new WeakMap<TestConsole, Promise<string>>();

function listen(console: TestConsole): Promise<string> {
  const url = urls.get(console) ?? console.app.listen({ host: "127.0.0.1", port: 0 });
  urls.set(console, url);
  return url;
}

const cookieOf = ({ cookies }: { cookies: Map<string, string> }) => ({
  cookie: `__Host-cordon-session=${cookies.get("__Host-cordon-session")}`,
});

for (const kind of testDatabases) {
  test(`${kind.name}: what changes is told to who may see it, gathered, and nothing else is said of it`, async (t) => {
    const console = await startTestConsole(t, await kind.open(t));
    const [alice, officer] = [await console.person("administrator"), await console.person("security-officer")];
    const [seesAll, seesLess] = [
      await follow(t, console, cookieOf(alice)),
      await follow(t, console, cookieOf(officer)),
    ];
    assert.deepEqual([seesAll.status, seesAll.type], [200, "text/event-stream; charset=utf-8"]);
    assert.equal(await seesAll.next(), "retry: 2000\n: connected");
    await seesLess.next();
    const password = "correct horse battery";
    const { userId } = await console.users.add({ name: "bob", role: "security-auditor", password }, root);
    console.changes.tell("hosts", "a");
    console.changes.tell("hosts", "b");
    const heard = new Set<string>();
    // What came before, as the sign-ins, may be told first.
    while (!heard.has("hosts") || !heard.has("bob")) {
      const event = await seesAll.event();
      assert.ok(["audit", "users", "hosts"].includes(event?.topic ?? ""), JSON.stringify(event));
      if (event?.topic === "hosts") assert.deepEqual(event.ids, ["a", "b"]);
      heard.add(event?.ids?.includes(userId) ? "bob" : (event?.topic ?? ""));
    }
    assert.deepEqual(await seesLess.event(), { topic: "hosts", ids: ["a", "b"] }, "an officer hears of hosts alone");
  });

  test(`${kind.name}: many changes of one kind are one event, which then names none of them`, async (t) => {
    const console = await startTestConsole(t, await kind.open(t));
    const stream = await follow(t, console, cookieOf(await console.person("security-officer")));
    for (let n = 0; n < 15_000; n++) console.changes.tell("hosts", `host ${n}`);
    assert.deepEqual(await stream.event(), { topic: "hosts" });
    console.changes.tell("tasks", "last");
    assert.deepEqual(await stream.event(), { topic: "tasks", ids: ["last"] });
  });

  test(`${kind.name}: a stream ends with its session, and says so`, async (t) => {
    const console = await startTestConsole(t, await kind.open(t));
    const admin = await console.person("administrator");
    const bob = await console.person("security-auditor", "bob");
    const [own, others] = [await follow(t, console, cookieOf(bob)), await follow(t, console, cookieOf(admin))];
    await console.users.change(bob.user.userId, { role: "security-officer" }, 1, root);
    let last: unknown = null;
    for (let event = await own.event(); event !== null; event = await own.event()) last = event;
    assert.deepEqual(last, { topic: "session-ended" });
    assert.equal((await follow(t, console, cookieOf(bob))).status, 401);
    console.changes.tell("tasks", "still here");
    for (let event = await others.event(); event?.topic !== "tasks"; event = await others.event()) {
      assert.notEqual(event, null);
      assert.notEqual(event?.topic, "session-ended", "of somebody else");
    }
  });
}

test("an open stream is no use of its session: at the heartbeat after its end it ends, and says so", async (t) => {
  const [sqlite] = testDatabases;
  assert.ok(sqlite);
  const console = await startTestConsole(t, await sqlite.open(t));
  const alice = await console.person("administrator");
  t.mock.timers.enable({ apis: ["setInterval"] });
  const stream = await follow(t, console, cookieOf(alice));
  await stream.next();
  t.mock.timers.tick(15_000);
  let block = await stream.next();
  // That she signed in may be told first.
  while (block?.startsWith("data: ")) block = await stream.next();
  assert.equal(block, ": still here");
  console.clock.pass(8 * 3_600_000);
  t.mock.timers.tick(15_000);
  let last: unknown = null;
  for (let event = await stream.event(); event !== null; event = await stream.event()) last = event;
  assert.deepEqual(last, { topic: "session-ended" });
});

test("a session has a bounded number of streams, and one that was left makes room", async (t) => {
  const [sqlite] = testDatabases;
  assert.ok(sqlite);
  const console = await startTestConsole(t, await sqlite.open(t));
  const alice = await console.person("administrator");
  const streams = await Promise.all(Array.from({ length: 12 }, () => follow(t, console, cookieOf(alice))));
  assert.ok(streams.every(({ status }) => status === 200));
  assert.equal((await follow(t, console, cookieOf(alice))).status, 429);
  const bob = await console.person("administrator", "bob");
  assert.equal((await follow(t, console, cookieOf(bob))).status, 200, "somebody else's are counted apart");
  streams[0]?.leave();
  let status = 429;
  // The server learns of it once the connection is closed.
  while (status === 429) status = (await follow(t, console, cookieOf(alice))).status;
  assert.equal(status, 200);
});

test("an API token may listen, until it is revoked", async (t) => {
  const [sqlite] = testDatabases;
  assert.ok(sqlite);
  const console = await startTestConsole(t, await sqlite.open(t));
  const alice = await console.person("administrator");
  const { body } = await alice.call("POST", "/api-tokens", { name: "script", role: "security-auditor", days: 1 });
  const stream = await follow(t, console, { authorization: `Bearer ${body.token}` });
  assert.equal(stream.status, 200);
  assert.equal((await alice.call("DELETE", `/api-tokens/${body.tokenId}`)).status, 200);
  let last: unknown = null;
  for (let event = await stream.event(); event !== null; event = await stream.event()) last = event;
  assert.deepEqual(last, { topic: "session-ended" });
});

test("PostgreSQL: what changes on one Central Node is told by the others too, and comes back to none", async (t) => {
  const postgres = testDatabases.find(({ name }) => name === "PostgreSQL");
  assert.ok(postgres);
  const location = await postgres.locate(t);
  const { openDatabase } = await import("../database/database.ts");
  const databases = await Promise.all([openDatabase(location), openDatabase(location)]);
  const [here, there] = [
    await startTestConsole(t, databases[0] as (typeof databases)[number]),
    await startTestConsole(t, databases[1] as (typeof databases)[number]),
  ];
  t.after(() => Promise.all(databases.map((database) => database.close())));
  const alice = await here.person("senior-security-officer");
  const streams = [await follow(t, here, cookieOf(alice)), await follow(t, there, cookieOf(alice))];
  here.changes.tell("tasks", "one");
  const isOne = (event: { topic: string; ids?: string[] } | null) =>
    event?.topic === "tasks" && event.ids?.[0] === "one";
  for (const stream of streams) {
    let event = await stream.event();
    // At first each hears that anything may have changed while its node was not yet connected.
    while (event !== null && !isOne(event)) event = await stream.event();
    assert.deepEqual(event, { topic: "tasks", ids: ["one"] });
  }
  there.changes.tell("hosts", "two");
  for (const stream of streams) assert.deepEqual(await stream.event(), { topic: "hosts", ids: ["two"] });
});
