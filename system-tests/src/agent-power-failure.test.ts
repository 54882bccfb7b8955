/**
 * A host's power fails while it is isolated. Only that is done in a virtual machine, whose every instruction is emulated
 * where there is no hardware for it: its disk is prepared in a container before, and looked at in one afterwards.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createServiceLab } from "./agent-service-lab.ts";
import { settingStateOf } from "./external-system.ts";
import { until } from "./namespaces.ts";
import { createVirtualMachine, needsVirtualMachine } from "./virtual-machine.ts";

// Without KVM, and with no image yet, minutes on two busy cores.
const timeout = 15 * 60_000;

test("isolated a host stays so through a power failure, from before its network is up", {
  ...needsVirtualMachine,
  timeout,
}, async (t) => {
  const started = performance.now();
  const note = (what: string) => t.diagnostic(`${((performance.now() - started) / 1000).toFixed(0)} s: ${what}`);
  const lab = await createServiceLab(t, { bundles: ["first"] });
  const { soar, on, show } = lab;
  const container = lab.host;
  let sensorId = "";
  let orderedAt = 0;
  /** The Central Node is asked: to ask the host itself starts programs on an emulated processor. */
  const untilReported = (state: string, withinMs: number) =>
    until(
      `${state} is reported`,
      async () => (await settingStateOf(soar, { sensorId }))?.state === state,
      withinMs,
      200,
    );
  const order = async (isolated: boolean) => {
    if (isolated) await lab.orderIsolation();
    else await lab.orderRelease();
    await untilReported(isolated ? "in_effect" : "lifted", 120_000);
    orderedAt = performance.now();
  };
  /** From before its network was up, for what is left of the hour, and without one frame since `capture` began. */
  const isIsolated = async (capture: Awaited<ReturnType<typeof lab.captureOfHost>>) => {
    const at = async (unit: string, property: string) => Number(await show(property, unit));
    const loaded = await at("cordon-isolation-boot", "ExecMainExitTimestampMonotonic");
    const networkPre = await at("network-pre.target", "ActiveEnterTimestampMonotonic");
    const networkd = await at("systemd-networkd", "ExecMainStartTimestampMonotonic");
    const agent = await at("cordon-agent", "ExecMainStartTimestampMonotonic");
    const sequence = `rules loaded ${loaded}, network-pre ${networkPre}, networkd ${networkd}, agent ${agent} µs after the kernel`;
    t.diagnostic(sequence);
    assert.ok(0 < loaded && loaded <= networkPre && networkPre <= networkd && networkd < agent, sequence);

    const timers = await on("nft --json list set inet cordon_isolation active");
    const passedSec = (performance.now() - orderedAt) / 1000;
    const [, { set }] = JSON.parse(timers).nftables;
    assert.equal(set.elem.length, 2, timers);
    for (const { elem } of set.elem) {
      // The clock of an emulated machine goes slow while the one beneath it is busy.
      const [least, most] = [3600 - passedSec - 60, 3600 - passedSec / 2 + 5];
      assert.ok(least < elem.expires && elem.expires <= most, `${elem.expires} s are left, ${passedSec} s later`);
    }
    assert.deepEqual(await capture.frames(), []);
  };

  await t.test("it is isolated, and switched off", async () => {
    await container.switchOn();
    await lab.setWatchdog(20);
    await lab.install("first");
    sensorId = await lab.enrol();
    await on("systemctl start cordon-agent");
    await order(true);
    await container.cutPower();
    note("prepared");
  });

  const machine = await createVirtualMachine(t, lab);
  await t.test("a machine that boots from its disk is isolated from before its network is up", async () => {
    const capture = await lab.captureOfHost();
    await machine.switchOn();
    lab.host = machine;
    note("the machine is up");
    await isIsolated(capture);
    capture.stop();
  });

  await t.test("released it is open, and isolated anew it is so when its power fails at once", async () => {
    const open = await lab.captureOfHost();
    await order(false);
    note("released");
    await until("an open host is heard", async () => (await open.frames()).length > 0);
    open.stop();
    await order(true);
    note("isolated anew");
    // What the agent had not made durable is lost.
    await machine.cutPower();
  });

  await t.test("what booted from that disk is isolated anew, by the order that came last", async () => {
    const capture = await lab.captureOfHost();
    lab.host = container;
    await container.switchOn();
    await lab.untilAgentSays(/^connected; network-isolation in effect/);
    await isIsolated(capture);
    const { settings } = JSON.parse(await on("cordon-agent status --json"));
    assert.equal(settings[0].generation, 3);
    assert.deepEqual(await capture.frames(), []);
    capture.stop();
  });
});
