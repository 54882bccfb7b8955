/** A chaos run that cannot fail is worth nothing: for each rule, histories that break it, and sound ones that come close. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Attempt, contentOf, digestOf, type GivenOrder, type History, type Order } from "./chaos-history.ts";
import { type Rule, rules } from "./chaos-rules.ts";
import { judge } from "./chaos-verdict.ts";

const a = "host-a";
const b = "host-b";
const limits = { graceMs: 5000, speed: 1 };
const answered = (sentMs: number): Attempt => ({ sentMs, endedMs: sentMs + 10, status: 200, why: "" });
const lost = (sentMs: number): Attempt => ({ sentMs, endedMs: sentMs + 10, status: null, why: "ECONNRESET" });
const given = (order: Order, attempts = [answered(order.number * 1000)]): GivenOrder => ({
  order,
  attempts,
  answer: attempts.at(-1)?.status === 200 ? "accepted" : "lost",
});

const firstIsolation: Order = { number: 1, target: a, kind: "isolate", seconds: 3601 };
const isolation: Order = { number: 2, target: a, kind: "isolate", seconds: 3602 };
const ban: Order = { number: 3, target: "all", kind: "ban", hashes: ["ee", "dd"] };
const run: Order = { number: 4, target: b, kind: "run", taskId: "task-4", lastsMs: 100 };

/** Two isolations of a, a rule for all, and a program on b: all of it came true. */
function soundHistory(): History {
  const at = (ms: number, sensorId: string) => ({ ms, sensorId, process: 1 });
  const held = (sensorId: string, settings: { action: string; scope: string; generation: number; content: string }[]) =>
    ({ sensorId, agents: 0, link: "connected", settings }) as const;
  const rule = { action: "prevention", scope: "all" };
  const isolated = { action: "network-isolation", scope: "host" };
  const state = { state: "in_effect", orderedGeneration: 1, reportedGeneration: 1 };
  return {
    sensorIds: [a, b],
    orders: [given(firstIsolation), given(isolation), given(ban), given(run)],
    faults: [],
    events: [
      { ...at(1005, a), what: "hold", ...isolated, lineage: "l", generation: 1 },
      { ...at(1006, a), what: "enforce", ...isolated, content: "3601", endsAtMs: 1006 + 3_601_000 },
      { ...at(2005, a), what: "hold", ...isolated, lineage: "l", generation: 2 },
      { ...at(2006, a), what: "enforce", ...isolated, content: "3602", endsAtMs: 2006 + 3_602_000 },
      { ...at(3006, a), what: "enforce", ...rule, content: "dd ee", endsAtMs: null },
      { ...at(3007, b), what: "enforce", ...rule, content: "dd ee", endsAtMs: null },
      { ...at(4006, b), what: "start", taskId: "task-4", pid: 1, endsAtMs: 4106 },
      { ...at(4106, b), what: "end", taskId: "task-4", how: "done" },
    ],
    memory: [
      held(a, [
        { ...isolated, generation: 2, content: "3602" },
        { ...rule, generation: 1, content: "dd ee" },
      ]),
      held(b, [{ ...rule, generation: 1, content: "dd ee" }]),
    ],
    hosts: [
      {
        sensorId: a,
        settings: [
          { ...isolated, ...state, orderedGeneration: 2, reportedGeneration: 2 },
          { ...rule, ...state },
        ],
      },
      { sensorId: b, settings: [{ ...rule, ...state }] },
    ],
    settings: [
      { target: a, action: "network-isolation", content: "3602" },
      { target: "all", action: "prevention", content: "dd ee" },
    ],
    read: { fromMs: 10_000, toMs: 11_000 },
    tasks: [{ taskId: "task-4", state: "completed", sensorId: b, error: null }],
    audit: {
      intact: true,
      why: null,
      entries: [
        { seq: 1, action: "network-isolation.set", object: a, generation: 1, digest: digestOf(firstIsolation) },
        { seq: 2, action: "network-isolation.set", object: a, generation: 2, digest: digestOf(isolation) },
        { seq: 3, action: "prevention.set", object: "all", generation: 1, digest: digestOf(ban) },
        { seq: 4, action: "run-process.create", object: "task-4", generation: null, digest: digestOf(run) },
      ],
    },
  };
}

/** The order's one attempt got no answer, and nobody asked again. */
function loseAnswer(history: History, number: number) {
  history.orders = history.orders.map((each) =>
    each.order.number === number ? given(each.order, [lost(number * 1000)]) : each,
  );
}
function removeEntry(history: History, seq: number) {
  history.audit.entries = history.audit.entries.filter((entry) => entry.seq !== seq);
}
const kill = (beganMs: number) => ({ what: "agents", which: 0, kind: "kill", beganMs, healedMs: beganMs + 9 }) as const;
function first<T>(list: T[]): T {
  const [found] = list;
  assert.ok(found !== undefined);
  return found;
}
function failTask(history: History, error: string) {
  history.tasks = [{ taskId: "task-4", state: "failed", sensorId: b, error }];
}

type Change = [what: string, change: (history: History) => void];
const broken: Record<Rule, Change[]> = {
  refused: [["it was valid", (history) => (first(history.orders).answer = "refused")]],
  neverEnded: [
    ["it still runs", (history) => (first(history.tasks).state = "running")],
    ["it is not known any more", (history) => (history.tasks = [])],
    ["it failed with no kill", (history) => failTask(history, "AGENT_RESTARTED: so it says")],
    [
      "it failed for another reason than the kill",
      (history) => {
        history.faults = [kill(4050)];
        failTask(history, "EXPIRED");
      },
    ],
    [
      "the kill was over before it was ordered",
      (history) => {
        history.faults = [kill(100)];
        failTask(history, "AGENT_RESTARTED");
      },
    ],
  ],
  startedTwice: [
    [
      "by the next process of the agent",
      (history) =>
        history.events.push({
          ms: 5000,
          sensorId: b,
          process: 2,
          what: "start",
          taskId: "task-4",
          pid: 2,
          endsAtMs: 1,
        }),
    ],
    [
      "on another host",
      (history) => {
        history.events = history.events.map((event) => (event.what === "start" ? { ...event, sensorId: a } : event));
      },
    ],
  ],
  taskUntrue: [
    [
      "completed, and never run",
      (history) => {
        history.events = history.events.filter(({ what }) => what !== "start" && what !== "end");
      },
    ],
    [
      "its answer was lost, it is unknown, and it ran",
      (history) => {
        loseAnswer(history, 4);
        history.tasks = [];
        removeEntry(history, 4);
      },
    ],
    ["told of another host", (history) => (first(history.tasks).sensorId = a)],
  ],
  orderGone: [
    ["the Central Node forgot it", (history) => (first(history.settings).content = null)],
    [
      "an older order took its place",
      (history) => {
        const [one, two] = history.audit.entries;
        assert.ok(one !== undefined && two !== undefined);
        [one.digest, two.digest] = [two.digest, one.digest];
      },
    ],
    [
      "lifted, and the isolation before it stands",
      (history) => history.orders.push(given({ number: 5, target: a, kind: "end-isolation" })),
    ],
  ],
  orderUnknown: [
    [
      "a rule is enforced that nobody ordered",
      (history) => {
        const what = { what: "enforce", action: "prevention", scope: "host", content: "ff", endsAtMs: null } as const;
        history.events.push({ ms: 1, sensorId: a, process: 1, ...what });
      },
    ],
    [
      "one host's isolation on another",
      (history) => {
        history.events = history.events.map((event) =>
          event.what === "enforce" && event.content === "3602" ? { ...event, sensorId: b } : event,
        );
      },
    ],
    [
      "a program that nobody ordered",
      (history) =>
        history.events.push({ ms: 1, sensorId: b, process: 1, what: "start", taskId: "task-9", pid: 2, endsAtMs: 1 }),
    ],
    ["stored under nobody's words", (history) => (first(history.audit.entries).digest = "other")],
    ["lifted, and nobody asked for it", (history) => (first(history.audit.entries).action = "network-isolation.lift")],
  ],
  storedTwice: [
    ["a generation is there twice", (history) => (first(history.audit.entries).generation = 2)],
    ["a generation is missing", (history) => removeEntry(history, 1)],
  ],
  notReported: [
    ["one host of all never said", (history) => (history.hosts = history.hosts.map((host) => unreported(host, b)))],
    [
      "the isolation has ended, and its host never said so",
      (history) => {
        endIsolation(history, null);
        first(first(history.hosts).settings).state = "pending";
      },
    ],
    ["said for the one before", (history) => (history.hosts = history.hosts.map((host) => unreported(host, a, 1)))],
    [
      "reported failed, though nothing hindered it",
      (history) => (first(first(history.hosts).settings).state = "failed"),
    ],
  ],
  hostDiffers: [
    ["it holds the isolation before", (history) => (first(first(history.memory).settings).content = "3601")],
    ["it is not isolated", (history) => (first(first(history.memory).settings).content = null)],
    ["its journal is behind", (history) => (first(first(history.memory).settings).generation = 1)],
  ],
  outlived: [
    ["later than ordered", (history) => moveEnd(history, 6000)],
    ["sooner than ordered", (history) => moveEnd(history, -6000)],
    ["never", (history) => moveEnd(history, null)],
    ["the Central Node says that it stands, long after its end", (history) => endIsolation(history, "3602")],
  ],
  wentBack: [
    [
      "after a kill",
      (history) => {
        const what = { action: "network-isolation", scope: "host", lineage: "l", generation: 1 };
        history.events.push({ ms: 9000, sensorId: a, process: 2, what: "hold", ...what });
      },
    ],
  ],
  auditBroken: [["an entry was changed", (history) => (history.audit.intact = false)]],
  auditLacks: [
    ["of a setting", (history) => removeEntry(history, 2)],
    ["of a task", (history) => removeEntry(history, 4)],
    [
      "stored more often than asked",
      (history) => {
        const entry = { seq: 5, action: "prevention.set", object: "all", generation: 2, digest: digestOf(ban) };
        history.audit.entries.push(entry);
      },
    ],
  ],
  hostLost: [
    ["the Central Node has forgotten it", (history) => history.hosts.pop()],
    ["it does not come back", (history) => (first(history.memory).link = "waiting")],
  ],
};

function unreported(host: History["hosts"][number], sensorId: string, reportedGeneration: number | null = null) {
  if (host.sensorId !== sensorId) return host;
  return { ...host, settings: host.settings.map((setting) => ({ ...setting, reportedGeneration })) };
}
/** Its time is over. `told`: what the Central Node still says. */
function endIsolation(history: History, told: string | null) {
  history.read = { fromMs: 3_700_000, toMs: 3_701_000 };
  first(history.settings).content = told;
  first(first(history.memory).settings).content = null;
  first(first(history.hosts).settings).state = "lifted";
}
function moveEnd(history: History, byMs: number | null) {
  history.events = history.events.map((event) =>
    event.what === "enforce" && event.content === contentOf(isolation)
      ? { ...event, endsAtMs: byMs === null ? null : (event.endsAtMs ?? 0) + byMs }
      : event,
  );
}

test("a history in which all came true breaks no rule", () => {
  assert.deepEqual(judge(soundHistory(), limits), []);
});

for (const rule of Object.keys(rules) as Rule[]) {
  test(`it is noticed when this is broken: ${rules[rule]}`, () => {
    assert.ok(broken[rule].length > 0);
    for (const [what, change] of broken[rule]) {
      const history = soundHistory();
      change(history);
      const found = judge(history, limits).map((each) => each.rule);
      assert.ok(found.includes(rule), `${what}: found only ${found.join(", ") || "nothing"}`);
    }
  });
}

const sound: Change[] = [
  ["an answer was lost, and the order stored", (history) => loseAnswer(history, 3)],
  [
    "an answer was lost, and the task not stored",
    (history) => {
      loseAnswer(history, 4);
      history.tasks = [];
      removeEntry(history, 4);
      history.events = history.events.filter(({ what }) => what !== "start" && what !== "end");
    },
  ],
  [
    "an order whose first answer was lost was stored twice",
    (history) => {
      history.orders = history.orders.map((each) =>
        each.order === ban ? given(ban, [lost(3000), answered(3100)]) : each,
      );
      history.audit.entries.push({ ...first(history.audit.entries.filter(({ seq }) => seq === 3)), generation: 2 });
      for (const host of history.hosts)
        for (const setting of host.settings)
          if (setting.action === "prevention") setting.orderedGeneration = setting.reportedGeneration = 2;
      for (const host of history.memory)
        for (const setting of host.settings) if (setting.action === "prevention") setting.generation = 2;
    },
  ],
  [
    "a program was ended with its agent's process",
    (history) => {
      history.faults = [kill(4050)];
      failTask(history, "AGENT_RESTARTED: the program was terminated");
      history.events = history.events.filter(({ what }) => what !== "end");
    },
  ],
  [
    "to end what has ended leaves no trace",
    (history) => history.orders.push(given({ number: 5, target: b, kind: "end-isolation" })),
  ],
  ["an isolation has ended by itself", (history) => endIsolation(history, null)],
  ["an isolation comes late by as much as its host stood still", (history) => moveEnd(history, 4000)],
];
for (const [what, change] of sound) {
  test(`this breaks no rule: ${what}`, () => {
    const history = soundHistory();
    change(history);
    assert.deepEqual(judge(history, limits), []);
  });
}
