/** Settings that are in force only once the Central Node was reached behind them, and what is noticed of them afterwards. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isolationOrder, startCore } from "./testing/core-under-test.ts";
import { createKernelInMemory } from "./testing/kernel-in-memory.ts";
import { createManualClock } from "./testing/manual-clock.ts";

type Host = Awaited<ReturnType<typeof startCore>>;
const outcomes = (host: Host) =>
  host.settingReports().map(({ generation, state, reason }) => [generation, state, reason ?? null].join(" "));

const never = () => new Promise<boolean>(() => {});

test("a newer order does not wait for the proof of the one before, and only it is reported", async () => {
  const host = await startCore({ proveReachable: never });
  host.kernel.proofs = [];
  host.core.receive(isolationOrder(1));
  await host.clock.advance(0);
  await host.receive(isolationOrder(2, null));
  assert.deepEqual(outcomes(host), ["2 lifted "]);
  assert.deepEqual(host.kernel.proofs, ["called-off"]);
});

test("a release does not wait for a proof", async () => {
  const host = await startCore({ proveReachable: never });
  host.kernel.proofs = [];
  host.core.receive(isolationOrder(1));
  const released = await host.core.releaseLocally();
  assert.equal(released.state, "lifted");
  assert.equal(host.kernel.isolation, null);
  await host.core.idle();
  assert.deepEqual(outcomes(host), ["1 failed RELEASED_LOCALLY"]);
});

test("the end of the agent does not wait for a proof, and the next start tries again", async () => {
  const clock = createManualClock();
  const on = createKernelInMemory(clock);
  const host = await startCore({ clock, on, proveReachable: never });
  on.kernel.proofs = [];
  host.core.receive(isolationOrder(1));
  await Promise.resolve();
  await host.core.close();
  assert.deepEqual(outcomes(host), []);
  const next = await startCore({ clock, on, journal: host.journal });
  await next.core.idle();
  assert.deepEqual(outcomes(next), ["1 in-effect "]);
});

test("what was not confirmed is tried again when its time has come, not each minute; a newer order at once", async () => {
  const host = await startCore({ proveReachable: async () => false });
  host.kernel.proofs = [];
  await host.receive(isolationOrder(1));
  assert.deepEqual(outcomes(host), ["1 failed NOT_CONFIRMED"]);
  for (let minute = 0; minute < 4; minute += 1) {
    host.clock.advance(60_000);
    await host.core.idle();
  }
  assert.equal(host.kernel.proofs.length, 1);
  host.clock.advance(120_000);
  await host.core.keepHouse();
  await host.core.idle();
  assert.equal(host.kernel.proofs.length, 2);
  await host.receive(isolationOrder(2));
  assert.equal(host.kernel.proofs.length, 3);
});

test("what was made good again while it holds is news each time, and nothing else that holds is", async () => {
  const host = await startCore();
  await host.receive(isolationOrder(1));
  for (const tampered of [1, 2]) {
    host.kernel.isolation = null;
    host.kernel.tampered = tampered;
    host.kernel.notice();
    await Promise.resolve();
    await host.core.idle();
    assert.notEqual(host.kernel.isolation, null);
  }
  host.kernel.notice();
  await Promise.resolve();
  await host.core.idle();
  assert.deepEqual(outcomes(host), ["1 in-effect ", "1 in-effect TAMPERED", "1 in-effect TAMPERED"]);
  assert.match(String(host.settingReports().at(-1)?.detail), /tampered with 2/);
});

test("an agent that notices what a person released while it hung leaves the host open", async () => {
  let marked = false;
  const localRelease = { isMarked: () => marked, clear: () => (marked = false) };
  const host = await startCore({ localRelease });
  await host.receive(isolationOrder(1));
  host.kernel.isolation = null;
  marked = true;
  host.kernel.notice();
  await Promise.resolve();
  await host.core.idle();
  assert.equal(host.kernel.isolation, null);
  assert.deepEqual(outcomes(host), ["1 in-effect ", "1 failed RELEASED_LOCALLY"]);
});

test("what the boot holds in doubt is not lifted before the Central Node was asked", async () => {
  const clock = createManualClock();
  const on = createKernelInMemory(clock);
  const host = await startCore({ clock, on });
  await host.receive(isolationOrder(1));
  clock.reboot(86_400_000);
  // As the boot's script does, which cannot tell a long time off from a clock set ahead.
  on.kernel.isolation = { autoTurnoffTimeoutInSec: 7200, endsAtBootMs: clock.bootMs() + 300_000 };
  const next = await startCore({ clock, on, journal: host.journal, connect: false });
  await next.core.idle();
  assert.notEqual(on.kernel.isolation, null);
  next.connect();
  // Not over, says the Central Node.
  await next.receive(isolationOrder(1, 7200, { remainingSec: 1800 }));
  assert.deepEqual(outcomes(next).slice(-1), ["1 in-effect "]);
  assert.equal(next.core.status().settings[0]?.remainingSec, 1800);
});

test("in doubt and without a Central Node the host is open again after a minute", async () => {
  const clock = createManualClock();
  const on = createKernelInMemory(clock);
  const host = await startCore({ clock, on });
  await host.receive(isolationOrder(1));
  clock.reboot(86_400_000);
  on.kernel.isolation = { autoTurnoffTimeoutInSec: 7200, endsAtBootMs: clock.bootMs() + 300_000 };
  const next = await startCore({ clock, on, journal: host.journal, connect: false });
  await next.core.idle();
  await next.core.keepHouse();
  await next.core.idle();
  assert.equal(on.kernel.isolation, null);
});
