import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { type TestContext, test } from "node:test";
import { agentProtocolVersion, type CentralNodeMessage, closeCodes, type Hello, Problem } from "@cordon/contract";
import { testDatabases } from "../database/test-databases.ts";
import {
  banned,
  createTestClock,
  createTestServices,
  everyCapability,
  facts,
  isolationWish,
  sha256,
  silentLog,
  soar,
  type TestServices,
  uptime,
} from "../test-services.ts";
import { createAgentSession } from "./agent-session.ts";
import { createTransferSlots } from "./transfer-slots.ts";

const [sqlite] = testDatabases;
const at = "2026-11-24T10:00:00.000Z";

async function start(t: TestContext) {
  assert.ok(sqlite);
  const clock = createTestClock();
  const services = await createTestServices({ database: await sqlite.open(t), now: clock.now });
  const host = await services.addHost({ capabilities: everyCapability });
  const isolation = { actor: soar, target: host, action: "network-isolation" };
  return {
    clock,
    host,
    isolation,
    ...services,
    connect: (changes: Partial<Parameters<typeof createAgentSession>[0]> = {}) => connect(services, host, changes),
    order: async () =>
      (
        await services.tasks.create({
          actor: soar,
          taskId: randomUUID(),
          sensorId: host,
          action: "run-process",
          parameters: uptime,
          startNow: true,
        })
      ).taskId,
  };
}

/** A session without its socket: what it sends and why it closes is collected. */
function connect(
  services: TestServices,
  sensorId: string,
  changes: Partial<Parameters<typeof createAgentSession>[0]> = {},
) {
  const sent: CentralNodeMessage[] = [];
  const closes: { code: number; why: string }[] = [];
  const session = createAgentSession({
    sensorId,
    ...services,
    renew: async (request) => `certificate for ${request}`,
    authorities: () => "authorities",
    heartbeatSec: 30,
    send: (message) => sent.push(message),
    sendFrame: async (frame) => void sent.push(JSON.parse(frame.toString("utf8"))),
    slots: createTransferSlots(4),
    close(code, why) {
      closes.push({ code, why });
      session.end();
    },
    checkpoint: () => {},
    log: silentLog,
    ...changes,
  });
  return {
    session,
    closes,
    async hello(more: Partial<Hello> = {}) {
      await session.receive({
        type: "hello",
        protocol: 1,
        facts: facts(),
        journalId: "99999999-9999-4999-8999-999999999999",
        lineage: null,
        settings: [],
        ...more,
      });
      await session.idle();
    },
    async receive(message: Parameters<typeof session.receive>[0]) {
      await session.receive(message);
      await session.idle();
    },
    async sync(about: "settings" | "tasks") {
      session.requestSync(about);
      await session.idle();
    },
    /** What was sent since the last look. */
    take: () => sent.splice(0),
  };
}

const report = (taskId: string, state: "accepted" | "running" | "completed" | "cancelled") =>
  ({ type: "task-report", reportId: randomUUID(), taskId, state }) as const;
const brief = (messages: CentralNodeMessage[]) =>
  messages.map((message) => {
    if (message.type === "setting")
      return `${message.action} ${message.generation}${message.wish === null ? " lifted" : ""}`;
    return message.type === "task" || message.type === "task-cancel"
      ? `${message.type} ${message.taskId}`
      : message.type;
  });

test("a hello is answered by a welcome, then by what is due, an isolation before a task that was ordered earlier", async (t) => {
  const { connect, settings, isolation, order, lineage, host, clock } = await start(t);
  const taskId = await order();
  await settings.set(isolation, isolationWish(2));
  clock.pass(600_000);
  const { hello, take } = connect();
  await hello();
  assert.deepEqual(take(), [
    { type: "welcome", protocol: 1, sensorId: host, lineage, heartbeatSec: 30, authorities: "authorities" },
    {
      type: "setting",
      action: "network-isolation",
      scope: "host",
      generation: 1,
      wish: isolationWish(2),
      remainingSec: 6600,
    },
    { type: "task", taskId, action: "run-process", parameters: uptime },
  ]);
});

test("what an agent has already, or was sent on this connection, is not sent again, and nothing older ever", async (t) => {
  const { connect, settings, isolation, lineage } = await start(t);
  await settings.set(isolation, isolationWish());
  await settings.set(isolation, isolationWish());
  const had = connect();
  await had.hello({ lineage, settings: [{ action: "network-isolation", scope: "host", generation: 2 }] });
  assert.deepEqual(brief(had.take()), ["welcome"]);
  const { hello, take, sync } = connect();
  await hello({ lineage, settings: [{ action: "network-isolation", scope: "host", generation: 1 }] });
  assert.deepEqual(brief(take()), ["welcome", "network-isolation 2"]);
  await sync("settings");
  assert.deepEqual(take(), []);
  await settings.lift(isolation);
  await sync("settings");
  await sync("settings");
  assert.deepEqual(brief(take()), ["network-isolation 3 lifted"]);
});

test("an isolation that is ordered while tasks are handed out goes before the rest of them", async (t) => {
  const { connect, settings, isolation, order, tasks } = await start(t);
  for (let index = 0; index < 4; index++) await order();
  let session: ReturnType<typeof connect> | null = null;
  session = connect({
    tasks: {
      ...tasks,
      // In smaller portions than the real ones, with an order that comes between two of them.
      async takeForDelivery(sensorId, held) {
        const portion = await tasks.takeForDelivery(sensorId, held, 2);
        if (held.length === 0) {
          await settings.set(isolation, isolationWish());
          session?.session.requestSync("tasks");
          session?.session.requestSync("settings");
        }
        return portion;
      },
    },
  });
  await session.hello();
  assert.deepEqual(
    session.take().map((message) => message.type),
    ["welcome", "task", "task", "setting", "task", "task"],
  );
});

test("an agent holds at most 16 tasks, and each that ends makes room for the next", async (t) => {
  const { connect, order } = await start(t);
  for (let index = 0; index < 20; index++) await order();
  const { hello, take, receive, sync } = connect();
  await hello();
  const [, ...first] = take();
  assert.equal(first.length, 16);
  await sync("tasks");
  assert.deepEqual(take(), []);
  const [one, two] = first;
  assert.ok(one?.type === "task" && two?.type === "task");
  await receive(report(one.taskId, "running"));
  assert.deepEqual(brief(take()), ["ack"], "one that runs is still held");
  await receive(report(one.taskId, "completed"));
  assert.deepEqual(
    take().map((message) => message.type),
    ["ack", "task"],
  );
  await receive(report(two.taskId, "completed"));
  await receive(report(two.taskId, "completed"));
  assert.deepEqual(
    take().map((message) => message.type),
    ["ack", "task", "ack"],
  );
});

test("a task is offered again on each new connection until the agent says how it ended", async (t) => {
  const { connect, order } = await start(t);
  const taskId = await order();
  const first = connect();
  await first.hello();
  await first.receive(report(taskId, "accepted"));
  const second = connect();
  await second.hello();
  assert.deepEqual(brief(second.take()), ["welcome", `task ${taskId}`]);
  await second.receive(report(taskId, "completed"));
  const third = connect();
  await third.hello();
  assert.deepEqual(brief(third.take()), ["welcome"]);
});

test("a cancelled task is called back once a connection, until the agent reports on it", async (t) => {
  const { connect, order, tasks } = await start(t);
  const taskId = await order();
  const first = connect();
  await first.hello();
  await tasks.cancel(soar, taskId);
  first.take();
  await first.sync("tasks");
  await first.sync("tasks");
  assert.deepEqual(brief(first.take()), [`task-cancel ${taskId}`]);
  const second = connect();
  await second.hello();
  assert.deepEqual(brief(second.take()), ["welcome", `task-cancel ${taskId}`]);
  await second.receive(report(taskId, "cancelled"));
  const third = connect();
  await third.hello();
  assert.deepEqual(brief(third.take()), ["welcome"]);
});

test("what another history of the database ordered is lifted by name, and everything of this one is sent anew", async (t) => {
  const { connect, settings, isolation } = await start(t);
  await settings.set(isolation, isolationWish());
  const { hello, take } = connect();
  await hello({
    lineage: randomUUID(),
    settings: [
      { action: "network-isolation", scope: "host", generation: 7 },
      { action: "prevention", scope: "all", generation: 9 },
    ],
  });
  assert.deepEqual(brief(take()), ["welcome", "prevention 0 lifted", "network-isolation 1"]);
});

test("a host that can do more now gets what was ordered before it could", async (t) => {
  const { connect, settings, isolation, hosts, host } = await start(t);
  await settings.set(isolation, isolationWish());
  const { hello, take, receive } = connect();
  await hello({ facts: facts({ capabilities: ["run-process"] }) });
  assert.deepEqual(brief(take()), ["welcome"]);
  await receive({ type: "facts", facts: facts({ capabilities: ["network-isolation"], hostName: "renamed" }) });
  assert.deepEqual(brief(take()), ["network-isolation 1"]);
  assert.equal((await hosts.find(host))?.hostName, "renamed");
});

test("a report is acknowledged after it is stored, and another connection can read it then", async (t) => {
  const { connect, settings, isolation, host, lineage } = await start(t);
  await settings.set(isolation, isolationWish());
  const seen: (string | undefined)[] = [];
  const { hello, receive } = connect({
    send(message) {
      if (message.type === "ack") seen.push(message.reportId);
    },
    checkpoint: (name) => seen.push(name),
  });
  await hello();
  seen.length = 0;
  const reportId = randomUUID();
  const said = { action: "network-isolation", scope: "host", generation: 1, state: "in-effect", at } as const;
  await receive({ type: "setting-report", reportId, lineage, ...said });
  assert.deepEqual(seen, ["report-stored", reportId]);
  const states = await settings.listStates([{ sensorId: host, capabilities: everyCapability }]);
  assert.deepEqual(
    states.get(host)?.map((state) => state.state),
    ["in-effect"],
  );
});

test("reports about what nobody knows are acknowledged, or the agent would keep them for ever", async (t) => {
  const { connect, lineage } = await start(t);
  const { hello, receive, take } = connect();
  await hello();
  take();
  await receive(report(randomUUID(), "completed"));
  const unknown = { action: "x", scope: "all", generation: 1, state: "lifted", at } as const;
  await receive({ type: "setting-report", reportId: randomUUID(), lineage, ...unknown });
  await receive({ type: "setting-report", reportId: randomUUID(), lineage: randomUUID(), ...unknown });
  assert.deepEqual(brief(take()), ["ack", "ack", "ack"]);
});

test("messages that come at once are dealt with one after the other, in order", async (t) => {
  const { connect, order, tasks } = await start(t);
  const taskId = await order();
  const { session, hello } = connect();
  await hello();
  await Promise.all(
    (["accepted", "running", "completed", "running"] as const).map((state) => session.receive(report(taskId, state))),
  );
  assert.equal((await tasks.get(taskId)).state, "completed");
});

test("an agent's request for a certificate is answered with it, and one that is refused ends the connection", async (t) => {
  const { connect } = await start(t);
  const { hello, receive, take } = connect();
  await hello();
  take();
  await receive({ type: "renew", certificateRequest: "csr" });
  assert.deepEqual(take(), [{ type: "renewed", certificate: "certificate for csr" }]);
  const refused = connect({ renew: () => Promise.reject(new Problem("BAD_REQUEST")) });
  await refused.hello();
  await refused.receive({ type: "renew", certificateRequest: "csr" });
  assert.deepEqual(
    refused.closes.map(({ code }) => code),
    [closeCodes.protocol],
  );
});

test("whoever does not begin with a hello is sent away, and a newer agent is answered in the newest protocol spoken here", async (t) => {
  const { connect } = await start(t);
  const early = connect();
  await early.receive({ type: "facts", facts: facts() });
  assert.deepEqual(early.closes, [{ code: closeCodes.protocol, why: "the first message must be a hello" }]);
  await early.hello();
  assert.deepEqual(early.take(), [], "nothing is said after that");
  const newer = connect();
  await newer.hello({ protocol: agentProtocolVersion + 1 });
  assert.deepEqual(newer.closes, []);
  const [welcomed] = newer.take();
  assert.equal(welcomed?.type === "welcome" && welcomed.protocol, agentProtocolVersion);
});

test("while the database fails nothing is acknowledged and the connection ends, so that the agent says it again", async (t) => {
  const { connect, order, tasks } = await start(t);
  const taskId = await order();
  const { hello, receive, take, closes } = connect({
    tasks: { ...tasks, recordReport: () => Promise.reject(new Error("the disk is full")) },
  });
  await hello();
  take();
  await receive(report(taskId, "completed"));
  await receive(report(taskId, "completed"));
  assert.deepEqual(take(), []);
  assert.deepEqual(closes, [{ code: closeCodes.goingAway, why: "try again later" }]);
});

test("while the database cannot be read the connection stays, and the next look finds what is due", async (t) => {
  const { connect, settings, isolation } = await start(t);
  await settings.set(isolation, isolationWish());
  let down = true;
  const { hello, take, sync, closes } = connect({
    settings: {
      ...settings,
      listDue: (...asked) => (down ? Promise.reject(new Error("no connection")) : settings.listDue(...asked)),
    },
  });
  await hello();
  assert.deepEqual([brief(take()), closes], [["welcome"], []]);
  down = false;
  await sync("settings");
  assert.deepEqual(brief(take()), ["network-isolation 1"]);
});

test("an agent with another journal than last time loses the tasks it was given, and gets what it was not", async (t) => {
  const { connect, order, tasks } = await start(t);
  const given = await order();
  const before = connect();
  await before.hello();
  before.session.end();
  const waiting = await order();
  const { hello, take } = connect();
  await hello({ journalId: randomUUID() });
  assert.deepEqual(brief(take()), ["welcome", `task ${waiting}`]);
  assert.equal((await tasks.get(given)).reason, "JOURNAL_LOST");
});

test("a host that was removed is sent away at its hello, and after its end a session neither takes nor sends", async (t) => {
  const { connect, hosts, host, order, tasks } = await start(t);
  const taskId = await order();
  const ended = connect();
  await ended.hello();
  ended.take();
  ended.session.end();
  await ended.receive(report(taskId, "completed"));
  await ended.sync("tasks");
  assert.deepEqual(ended.take(), []);
  assert.equal((await tasks.get(taskId)).state, "waiting");
  await hosts.remove(host, soar);
  const removed = connect();
  await removed.hello();
  assert.deepEqual(
    removed.closes.map(({ code }) => code),
    [closeCodes.removed],
  );
});

test("a nudge that comes in the very moment in which a look ends is not lost", async (t) => {
  const { connect, settings, tasks } = await start(t);
  for (let microtasks = 0; microtasks < 12; microtasks++) {
    let looks = 0;
    const { session, hello } = connect({
      settings: {
        ...settings,
        listDue: async () => {
          looks += 1;
          return [];
        },
      },
      tasks: {
        ...tasks,
        async takeForDelivery() {
          let later = Promise.resolve();
          for (let index = 0; index < microtasks; index++) later = later.then(() => {});
          later.then(() => {
            if (looks === 1) session.requestSync("settings");
          });
          return [];
        },
      },
    });
    await hello();
    await new Promise((resolve) => setImmediate(resolve));
    await session.idle();
    assert.equal(looks, 2, `${microtasks} microtasks later`);
  }
});

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
