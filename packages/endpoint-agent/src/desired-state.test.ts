import assert from "node:assert/strict";
import { test } from "node:test";
import { findFault, Hello } from "@cordon/contract";
import fc from "fast-check";
import { allowAll } from "./local-policy.ts";
import { isolationOrder, lineageA, lineageB, startCore } from "./testing/core-under-test.ts";
import { createKernelInMemory } from "./testing/kernel-in-memory.ts";
import { createManualClock } from "./testing/manual-clock.ts";

const lastReport = (host: Awaited<ReturnType<typeof startCore>>) => {
  const {
    reportId: _id,
    reportNumber: _number,
    at: _at,
    detail: _detail,
    ...report
  } = host.settingReports().at(-1) ?? assert.fail("no report");
  return report;
};
const report = { type: "setting-report", action: "network-isolation", scope: "host", lineage: lineageA };

test("an isolation is enforced, read back and reported, and a lift too", async () => {
  const host = await startCore();
  await host.receive(isolationOrder(1));
  assert.equal(host.kernel.isolation?.autoTurnoffTimeoutInSec, 7200);
  assert.deepEqual(lastReport(host), { ...report, generation: 1, state: "in-effect" });
  await host.receive(isolationOrder(2, null));
  assert.equal(host.kernel.isolation, null);
  assert.deepEqual(lastReport(host), { ...report, generation: 2, state: "lifted" });
});

test("a stale or repeated order changes nothing and is answered with how it is", async () => {
  const host = await startCore();
  await host.receive(isolationOrder(5));
  host.acknowledgeAll();
  await host.receive(isolationOrder(4, null), isolationOrder(5, 3600));
  assert.equal(host.kernel.isolation?.autoTurnoffTimeoutInSec, 7200);
  assert.deepEqual(lastReport(host), { ...report, generation: 5, state: "in-effect" });
});

test("while the enforcer runs only the newest wish waits, and calls never overlap", async () => {
  const host = await startCore();
  let open = () => {};
  host.kernel.gate = new Promise((resolve) => {
    open = resolve;
  });
  host.core.receive(isolationOrder(1, 3600));
  await Promise.resolve();
  for (let generation = 2; generation <= 9; generation += 1)
    host.core.receive(isolationOrder(generation, 3600 + generation));
  open();
  await host.core.idle();
  assert.equal(host.kernel.overlaps, 0);
  assert.equal(host.kernel.isolation?.autoTurnoffTimeoutInSec, 3609);
  assert.deepEqual(
    host.settingReports().map(({ generation }) => generation),
    [9],
  );
});

test("when its time is over an isolation is lifted and reported, without anybody asking", async () => {
  const host = await startCore();
  await host.receive(isolationOrder(1, 7200, { remainingSec: 10 }));
  host.clock.advance(9_000);
  await host.core.idle();
  assert.equal(host.kernel.isolation?.autoTurnoffTimeoutInSec, 7200);
  host.clock.advance(1_001);
  await host.core.idle();
  assert.equal(host.kernel.isolation, null);
  assert.deepEqual(lastReport(host), { ...report, generation: 1, state: "lifted" });
});

test("a wish never lasts longer than it says itself, whatever remainder is sent with it", async () => {
  const host = await startCore();
  await host.receive(isolationOrder(1, 3600, { remainingSec: 1e300 }));
  assert.equal(host.core.status().settings[0]?.remainingSec, 3600);
});

test("after a restart and a reboot the isolation is made true again with what remains, and one that ended is lifted", async () => {
  const clock = createManualClock();
  const first = await startCore({ clock });
  await first.receive(isolationOrder(1));
  first.acknowledgeAll();

  clock.advance(1_800_000);
  const afterReboot = createKernelInMemory(clock);
  clock.reboot(1_800_000);
  clock.setWall(clock.wallMs());
  const second = await startCore({ clock, journal: first.journal, on: afterReboot });
  await second.core.idle();
  assert.equal(second.core.status().settings[0]?.remainingSec, 3600);
  assert.notEqual(afterReboot.kernel.isolation, null);
  assert.deepEqual(second.settingReports(), [], "nothing changed, so nothing is reported");

  clock.reboot(3_600_001);
  const third = await startCore({ clock, journal: first.journal, on: createKernelInMemory(clock) });
  await third.core.idle();
  assert.equal(third.kernel.isolation, null);
  assert.deepEqual(lastReport(third), { ...report, generation: 1, state: "lifted" });

  // Ended is ended, also for a clock that now says it is long before.
  clock.reboot();
  clock.setWall(0);
  const fourth = await startCore({ clock, journal: first.journal, on: createKernelInMemory(clock) });
  await fourth.core.idle();
  assert.equal(fourth.kernel.isolation, null);
});

test("an isolation that a clock set ahead ended after a reboot is asked for again, and isolates for what is left", async () => {
  const clock = createManualClock();
  const first = await startCore({ clock });
  await first.receive(isolationOrder(1));
  clock.reboot();
  clock.setWall(clock.wallMs() + 30 * 3_600_000);
  const host = await startCore({ clock, journal: first.journal, on: createKernelInMemory(clock) });
  await host.core.idle();
  assert.equal(host.kernel.isolation, null);
  const [hello] = host.sent;
  assert.ok(hello?.type === "hello");
  assert.deepEqual(hello.settings, [], "its generation is left out");

  await host.receive(isolationOrder(1, 7200, { remainingSec: 7000 }));
  assert.notEqual(host.kernel.isolation, null);
  assert.equal(host.core.status().settings[0]?.remainingSec, 7000);
  assert.equal(lastReport(host).state, "in-effect");
  assert.deepEqual(
    first.journal.settings.generations(lineageA).map(({ generation }) => generation),
    [1],
    "and is beyond doubt again",
  );
});

test("after a reboot the Central Node is asked what is left, as the clock may have been set while time is left", async () => {
  const clock = createManualClock();
  const first = await startCore({ clock });
  await first.receive(isolationOrder(1));
  clock.reboot();
  clock.setWall(clock.wallMs() + 7_199_000);
  const host = await startCore({ clock, journal: first.journal, on: createKernelInMemory(clock) });
  await host.core.idle();
  assert.notEqual(host.kernel.isolation, null);
  assert.equal(host.core.status().settings[0]?.remainingSec, 1);
  const [hello] = host.sent;
  assert.ok(hello?.type === "hello");
  assert.deepEqual(hello.settings, [], "its generation is left out");

  await host.receive(isolationOrder(1, 7200, { remainingSec: 7000 }));
  assert.equal(host.core.status().settings[0]?.remainingSec, 7000);
  host.connect();
  const again = host.sent.findLast((message) => message.type === "hello");
  assert.deepEqual(
    again?.settings.map(({ generation }) => generation),
    [1],
    "and is beyond doubt again",
  );
});

test("what a person released after a reboot is not asked for again, and the same generation does not return", async () => {
  const clock = createManualClock();
  const first = await startCore({ clock });
  await first.receive(isolationOrder(1));
  clock.reboot();
  const host = await startCore({ clock, journal: first.journal, on: createKernelInMemory(clock), connect: false });
  await host.core.releaseLocally();
  host.connect();
  const [hello] = host.sent;
  assert.ok(hello?.type === "hello");
  assert.deepEqual(
    hello.settings.map(({ generation }) => generation),
    [1],
  );
  await host.receive(isolationOrder(1));
  assert.equal(host.kernel.isolation, null);
});

test("what somebody else undid is found and made true again", async () => {
  const host = await startCore();
  await host.receive(isolationOrder(1));
  host.kernel.isolation = null;
  await host.core.keepHouse();
  await host.core.idle();
  assert.notEqual(host.kernel.isolation, null);
});

test("an order that breaks the action's rules is refused, and what is in force stays", async () => {
  const host = await startCore();
  await host.receive(isolationOrder(1));
  const wishes = [
    {},
    { autoTurnoffTimeoutInSec: 60, exclusions: [] },
    {
      autoTurnoffTimeoutInSec: 7200,
      exclusions: [
        { direction: "both", protocol: 6, remoteAddress: "1.2.3.4", localPorts: { from: 1, to: 2 }, remotePorts: null },
      ],
    },
  ];
  for (const [index, wish] of wishes.entries()) {
    await host.receive(isolationOrder(2 + index, 7200, { wish }));
    assert.deepEqual(lastReport(host), { ...report, generation: 2 + index, state: "failed", reason: "INVALID_ORDER" });
  }
  assert.notEqual(host.kernel.isolation, null);
  await host.receive(isolationOrder(9, 7200, { scope: "all" }));
  assert.equal(lastReport(host).reason, "INVALID_ORDER");
});

test("what this host cannot do is refused once for each order", async () => {
  const clock = createManualClock();
  const { kernel, startProcess } = createKernelInMemory(clock);
  const withoutPrevention = () => {
    const { prevention: _, ...others } = startProcess();
    return others;
  };
  const host = await startCore({ clock, on: { kernel, startProcess: withoutPrevention } });
  const order = { type: "setting", action: "prevention", scope: "all", generation: 3 };
  const wish = { files: [{ algorithm: "md5", hash: "0".repeat(32), name: null }] };
  await host.receive({ ...order, wish });
  assert.deepEqual(
    { state: lastReport(host).state, reason: lastReport(host).reason, generation: lastReport(host).generation },
    { state: "failed", reason: "NOT_SUPPORTED", generation: 3 },
  );
  await host.receive({ ...order, generation: 4, wish: null });
  assert.equal(lastReport(host).state, "lifted", "what was never enforced is not in force");
  await host.receive({ ...order, action: "__proto__", wish: {} }, { ...order, action: "run-process", wish: {} });
  assert.deepEqual(
    host
      .settingReports()
      .slice(-2)
      .map(({ action, reason }) => [action, reason]),
    [
      ["__proto__", "NOT_SUPPORTED"],
      ["run-process", "NOT_SUPPORTED"],
    ],
  );
});

test("the host's owner may forbid isolation, but never keeps one from being lifted", async () => {
  let forbidden = false;
  const host = await startCore({ policy: { allows: (action) => !forbidden && allowAll.allows(action) } });
  await host.receive(isolationOrder(1));
  forbidden = true;
  await host.receive(isolationOrder(2));
  assert.equal(lastReport(host).reason, "FORBIDDEN_BY_LOCAL_POLICY");
  await host.receive(isolationOrder(3, null));
  assert.equal(host.kernel.isolation, null);
  assert.equal(lastReport(host).state, "lifted");
});

test("a local release lifts at once, outlives a restart, is reported, and yields to a newer order only", async () => {
  const host = await startCore();
  await host.receive(isolationOrder(1));
  assert.equal((await host.core.releaseLocally()).state, "lifted");
  assert.equal(host.kernel.isolation, null);
  assert.deepEqual(lastReport(host), { ...report, generation: 1, state: "failed", reason: "RELEASED_LOCALLY" });
  const again = await startCore({ clock: host.clock, journal: host.journal, on: host.on });
  await again.receive(isolationOrder(1));
  assert.equal(again.kernel.isolation, null);
  await again.receive(isolationOrder(2));
  assert.notEqual(again.kernel.isolation, null);
});

test("what the host's owner forbids is no capability", async () => {
  const host = await startCore({ policy: { allows: ({ name }) => name !== "network-isolation" } });
  const [hello] = host.sent;
  assert.ok(hello?.type === "hello");
  assert.deepEqual(hello.facts.capabilities, ["prevention", "run-process"]);
});

test("a release by hand while the agent hung is taken up when it recovers, and not undone", async () => {
  let marked = false;
  const localRelease = {
    isMarked: () => marked,
    clear: () => {
      marked = false;
    },
  };
  const host = await startCore({ localRelease });
  await host.receive(isolationOrder(1));
  marked = true;
  host.kernel.isolation = null;
  await host.core.keepHouse();
  await host.core.idle();
  assert.equal(host.kernel.isolation, null);
  assert.equal(marked, false);
  assert.deepEqual(lastReport(host), { ...report, generation: 1, state: "failed", reason: "RELEASED_LOCALLY" });
});

test("a Central Node with another history is followed from its first order, whatever the number", async () => {
  const host = await startCore();
  await host.receive(isolationOrder(100));
  host.core.closed();
  host.sent.length = 0;
  host.connect(lineageB);
  const [hello] = host.sent;
  assert.ok(hello?.type === "hello");
  assert.deepEqual([hello.lineage, hello.settings.length], [lineageA, 1]);
  assert.deepEqual(host.settingReports(), [], "reports of a history that is over are dropped");

  // Killed before the new orders came: the hello still tells of what is held from the old history.
  host.core.closed();
  host.sent.length = 0;
  host.connect(lineageB);
  const [second] = host.sent;
  assert.ok(second?.type === "hello");
  assert.deepEqual([second.lineage, second.settings.length], [lineageA, 1]);

  await host.receive(isolationOrder(0, null));
  assert.equal(host.kernel.isolation, null);
  assert.deepEqual(lastReport(host), { ...report, lineage: lineageB, generation: 0, state: "lifted" });
});

test("however many settings of unknown actions were ordered, an isolation is taken", async () => {
  const host = await startCore();
  for (let index = 0; index < 200; index += 1) {
    await host.receive({ type: "setting", action: `later-${index}`, scope: "host", generation: 1, wish: {} });
  }
  await host.receive(isolationOrder(1));
  assert.notEqual(host.kernel.isolation, null);
  host.connect();
  const hello = host.sent.findLast((message) => message.type === "hello");
  assert.equal(findFault(Hello, hello), null);
});

test("messages that fit no schema, or come before the welcome, are dropped and break nothing", async () => {
  const host = await startCore({ connect: false });
  host.core.opened({ send: () => true, close: () => {} });
  await host.receive(isolationOrder(1));
  assert.equal(host.kernel.isolation, null);
  host.core.closed();
  host.connect();
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        fc.anything(),
        fc.record({
          type: fc.constantFrom("welcome", "setting", "prevention-set", "task", "task-cancel", "ack", "renewed"),
          x: fc.anything(),
        }),
        fc.record({
          type: fc.constant("setting"),
          action: fc.string(),
          scope: fc.constant("host"),
          generation: fc.nat(),
          wish: fc.object(),
        }),
      ),
      async (message) => {
        host.core.receive(message);
        await host.core.idle();
      },
    ),
  );
  assert.deepEqual(host.closes, []);
  await host.receive(isolationOrder(1));
  assert.notEqual(host.kernel.isolation, null);
});

test("whatever the order, repetition and loss of messages, cuts and restarts, the newest wish that arrived holds", async () => {
  const step = fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({ kind: fc.constant("order" as const), generation: fc.integer({ min: 1, max: 12 }) }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("restart" as const) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("cut" as const) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("turn" as const) }) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      const clock = createManualClock();
      const on = createKernelInMemory(clock);
      let host = await startCore({ clock, on });
      let newest = 0;
      let reported = 0;
      for (const { kind, ...more } of steps) {
        if (kind === "order" && "generation" in more) {
          // Each third generation lifts.
          host.core.receive(isolationOrder(more.generation, more.generation % 3 === 0 ? null : 3600 + more.generation));
          newest = Math.max(newest, more.generation);
        } else if (kind === "cut") {
          host.core.closed();
          host.connect();
        } else if (kind === "restart") {
          host = await startCore({ clock, journal: host.journal, on });
        } else {
          await Promise.resolve();
        }
        for (const { generation } of host.settingReports()) {
          assert.ok(generation >= reported, "a report never goes back");
          reported = generation;
        }
        host.sent.length = 0;
      }
      await host.core.idle();
      if (newest === 0) return;
      host.core.closed();
      host.connect();
      assert.equal(host.kernel.isolation?.autoTurnoffTimeoutInSec, newest % 3 === 0 ? undefined : 3600 + newest);
      assert.equal(host.settingReports().at(-1)?.generation, newest);
      assert.equal(host.kernel.overlaps, 0);
    }),
    { numRuns: 200 },
  );
});
