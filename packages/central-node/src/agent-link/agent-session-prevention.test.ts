import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import type { CentralNodeMessage } from "@cordon/contract";
import { banned, facts, isolationWish, sha256, soar } from "../test-services.ts";
import { at, brief, start } from "./test-agent-session.ts";

const rule = (...numbers: number[]) => banned(...numbers.map(sha256));
const sets = (messages: CentralNodeMessage[]) =>
  messages.flatMap((message) =>
    message.type === "prevention-set"
      ? [
          {
            ...message,
            added: message.added.map(({ hash }) => Number.parseInt(hash, 16)),
            removed: message.removed.length,
          },
        ]
      : [],
  );

test("a prevention rule goes to a newer agent in parts, then as what changed; its end as a setting", async (t) => {
  const { connect, settings } = await start(t);
  const order = { actor: soar, target: "all", action: "prevention" };
  await settings.set(order, rule(...Array.from({ length: 5_001 }, (_, number) => number)));
  const { hello, take, sync } = connect();
  await hello({ protocol: 2 });
  const whole = sets(take());
  assert.deepEqual(
    whole.map(({ base, part, parts, added }) => [base, part, parts, added.length]),
    [
      [null, 0, 2, 5_000],
      [null, 1, 2, 1],
    ],
  );
  await settings.set(order, rule(...Array.from({ length: 5_001 }, (_, number) => number + 1)));
  await sync("settings");
  const [changed, ...none] = sets(take());
  assert.deepEqual(
    [changed?.generation, changed?.base, changed?.added, changed?.removed, none],
    [2, 1, [5_001], 1, []],
  );
  await sync("settings");
  assert.deepEqual(take(), []);
  await settings.lift(order);
  await sync("settings");
  assert.deepEqual(brief(take()), ["prevention 3 lifted"]);
});

test("an older agent gets the whole rule in a setting, each time", async (t) => {
  const { connect, settings } = await start(t);
  const order = { actor: soar, target: "all", action: "prevention" };
  await settings.set(order, rule(1, 2));
  const { hello, take, sync } = connect();
  await hello({ protocol: 1 });
  await settings.set(order, rule(2, 3));
  await sync("settings");
  assert.deepEqual(
    take().flatMap((message) => (message.type === "setting" ? [message.wish] : [])),
    [rule(1, 2), rule(2, 3)],
  );
});

test("an agent that has a generation gets what changed since; one that asks gets the whole rule, but not for ever", async (t) => {
  const { connect, settings, lineage } = await start(t);
  const order = { actor: soar, target: "all", action: "prevention" };
  await settings.set(order, rule(1, 2));
  await settings.set(order, rule(2, 3));
  const { hello, take, receive, sync } = connect();
  await hello({ protocol: 2, lineage, settings: [{ action: "prevention", scope: "all", generation: 1 }] });
  assert.deepEqual(
    sets(take()).map(({ base, added }) => [base, added]),
    [[1, [3]]],
  );
  const answers = [];
  for (let times = 0; times < 5; times++) {
    await receive({ type: "prevention-set-request", scope: "all" });
    answers.push(sets(take()).map(({ base, added }) => [base, added]));
  }
  assert.deepEqual(answers, [[[null, [2, 3]]], [[null, [2, 3]]], [[null, [2, 3]]], [], []]);
  await settings.set(order, rule(2, 3, 4));
  await sync("settings");
  assert.deepEqual(
    sets(take()).map(({ base, added }) => [base, added]),
    [[2, [4]]],
  );
  await receive({ type: "prevention-set-request", scope: "all" });
  assert.deepEqual(
    sets(take()).map(({ base, added }) => [base, added]),
    [[null, [2, 3, 4]]],
  );
});

test("an isolation and a lift overtake the parts of a large rule", async (t) => {
  const { connect, settings, isolation } = await start(t);
  const order = { actor: soar, target: "all", action: "prevention" };
  await settings.set(order, rule(...Array.from({ length: 20_000 }, (_, number) => number)));
  const seen: string[] = [];
  const { session, hello } = connect({
    send(message) {
      if (message.type === "setting") seen.push(`${message.action}${message.wish === null ? " lifted" : ""}`);
    },
    async sendFrame(frame) {
      const { part } = JSON.parse(frame.toString("utf8"));
      seen.push(`part ${part}`);
      if (part !== 1) return;
      await settings.set(isolation, isolationWish());
      await settings.lift(order);
      session.requestSync("settings");
      // The network takes its time with this part.
      while (seen.length < 4) await new Promise((resolve) => setImmediate(resolve));
    },
  });
  await hello({ protocol: 2 });
  assert.deepEqual(seen, ["part 0", "part 1", "network-isolation", "prevention lifted", "part 2", "part 3"]);
  session.requestSync("settings");
  await session.idle();
  assert.equal(seen.length, 6, "the lift is not taken back");
});

test("a connection that closes does not wait for an agent that takes no more parts", async (t) => {
  const { connect, settings } = await start(t);
  await settings.set({ actor: soar, target: "all", action: "prevention" }, rule(1));
  let asked = () => {};
  const sending = new Promise<void>((resolve) => {
    asked = resolve;
  });
  const { session } = connect({
    sendFrame() {
      asked();
      return new Promise(() => {});
    },
  });
  const hello = {
    type: "hello",
    protocol: 2,
    facts: facts(),
    journalId: randomUUID(),
    lineage: null,
    settings: [],
  } as const;
  await session.receive({ ...hello, settings: [] });
  await sending;
  await session.finish();
});

test("blocks are acknowledged once they are durable, and one that is told twice is one", async (t) => {
  const { connect, blocks, host } = await start(t);
  const { hello, receive, take } = connect();
  await hello({ protocol: 2 });
  take();
  const block = {
    eventId: randomUUID(),
    at,
    kind: "denied",
    path: "/tmp/x",
    hash: sha256(1),
    algorithm: "sha256",
    scope: "all",
    ruleName: null,
    fileSha256: null,
    userId: 0,
    userName: "root",
    processes: [],
    count: 3,
  };
  for (let times = 0; times < 2; times++) {
    await receive({ type: "block-report", reportId: randomUUID(), blocks: [block, { junk: true }], lostInAll: 0 });
  }
  assert.deepEqual(brief(take()), ["ack", "ack"]);
  const { events, counts } = await blocks.list({ sensorId: host }, 10);
  assert.deepEqual([events.map(({ eventId }) => eventId), counts.map((count) => count.blocks)], [[block.eventId], [3]]);
});

test("an order for all hosts costs no read of the database for each of their connections", async (t) => {
  const { connect, settings, hosts } = await start(t);
  const order = { actor: soar, target: "all", action: "prevention" };
  await settings.set(order, rule(1));
  const reads: string[] = [];
  const { hello, take, offer, sync } = connect({
    hosts: {
      ...hosts,
      find(sensorId) {
        reads.push("host");
        return hosts.find(sensorId);
      },
    },
    settings: {
      ...settings,
      readDue(...of) {
        reads.push("due");
        return settings.readDue(...of);
      },
      listDueSets(...of) {
        reads.push("sets");
        return settings.listDueSets(...of);
      },
      readSet(...of) {
        reads.push("set");
        return settings.readSet(...of);
      },
    },
  });
  await hello({ protocol: 2 });
  take();
  reads.length = 0;
  await settings.set(order, rule(1, 2));
  await offer();
  assert.deepEqual(
    sets(take()).map(({ generation, base, added }) => [generation, base, added]),
    [[2, 1, [2]]],
  );
  await offer();
  assert.deepEqual([take(), reads], [[], []]);
  await sync("settings");
  assert.deepEqual(take(), []);
});

test("a contact of a host with nothing due asks the database once for it, for its settings and for its tasks", async (t) => {
  const { connect, settings, hosts, tasks, order } = await start(t);
  const asked: string[] = [];
  const counting = <T extends object>(service: T, names: readonly (keyof T & string)[]): T => {
    const counted = { ...service };
    for (const name of names) {
      const real = service[name] as (...of: unknown[]) => unknown;
      counted[name] = ((...of: unknown[]) => {
        asked.push(name);
        return real(...of);
      }) as T[typeof name];
    }
    return counted;
  };
  const { hello, take, sync } = connect({
    hosts: counting(hosts, ["find", "updateFacts", "recordHello"]),
    settings: counting(settings, ["readDue", "listDueSets", "readSet"]),
    tasks: counting(tasks, ["hasUnfinished", "listToCancel", "takeForDelivery"]),
  });
  await hello({ protocol: 2 });
  assert.deepEqual(asked, ["recordHello", "find", "readDue", "hasUnfinished"]);
  assert.deepEqual(brief(take()), ["welcome"]);
  const taskId = await order();
  await sync("tasks");
  assert.deepEqual(asked.slice(4), ["hasUnfinished", "listToCancel", "takeForDelivery"]);
  assert.deepEqual(brief(take()), [`task ${taskId}`]);
});

test("what was read for all hosts before a lift does not come after it", async (t) => {
  const { connect, settings } = await start(t);
  const order = { actor: soar, target: "all", action: "prevention" };
  await settings.set(order, rule(1));
  const { session, hello, take, offer } = connect();
  await hello({ protocol: 2 });
  await settings.set(order, rule(1, 2));
  const before = await settings.readOrdersOfAll();
  take();
  await settings.lift(order);
  await offer();
  session.offer(before);
  await session.idle();
  assert.deepEqual(brief(take()), ["prevention 3 lifted"]);
});

test("of an order for all hosts a host gets only what it can do, and an older agent all of it in a setting", async (t) => {
  const { connect, settings } = await start(t);
  const order = { actor: soar, target: "all", action: "prevention" };
  const [unable, older] = [connect(), connect()];
  await unable.hello({ protocol: 2, facts: facts({ capabilities: ["network-isolation"] }) });
  unable.take();
  await settings.set(order, rule(1));
  await unable.offer();
  assert.deepEqual(unable.take(), []);
  await older.hello({ protocol: 1 });
  older.take();
  await settings.set(order, rule(1, 2));
  await older.offer();
  assert.deepEqual(brief(older.take()), ["prevention 2"]);
});
