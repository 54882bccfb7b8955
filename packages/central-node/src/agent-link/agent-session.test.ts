import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { agentProtocolVersion, closeCodes, Problem } from "@cordon/contract";
import { everyCapability, facts, isolationWish, soar, uptime } from "../test-services.ts";
import { at, brief, start } from "./test-agent-session.ts";

const report = (taskId: string, state: "accepted" | "running" | "completed" | "cancelled") =>
  ({ type: "task-report", reportId: randomUUID(), taskId, state }) as const;
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
      readDue: (...asked) => (down ? Promise.reject(new Error("no connection")) : settings.readDue(...asked)),
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
        readDue: async () => {
          looks += 1;
          return { settings: [], sets: [] };
        },
      },
      tasks: {
        ...tasks,
        hasUnfinished: async () => true,
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

test("what a program has printed so far is kept while there is room for it, and is acknowledged to nobody", async (t) => {
  const { connect, order, tasks } = await start(t);
  const taskId = await order();
  let room = true;
  const { hello, receive, take } = connect({ outputBudget: { take: () => room } });
  await hello();
  await receive(report(taskId, "accepted"));
  await receive(report(taskId, "running"));
  take();
  const output = { type: "task-output", taskId, stderr: "", stdoutTruncated: false, stderrTruncated: false } as const;
  await receive({ ...output, stdout: "one" });
  room = false;
  await receive({ ...output, stdout: "one two" });
  assert.deepEqual([(await tasks.findOutput(taskId))?.stdout, take()], ["one", []]);
});
