/** The agent as a service on a host with a systemd of its own: started, watched, isolated, upgraded and removed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createServiceLab, versions } from "./agent-service-lab.ts";
import { until } from "./namespaces.ts";
import { needsServiceContainer } from "./service-container.ts";

// The host is up in seconds, but there may be no image of it yet: that takes minutes on two busy cores.
const timeout = 12 * 60_000;

test("the agent as a service outlives hangs, reboots, upgrades and bad versions", {
  ...needsServiceContainer,
  timeout,
}, async (t) => {
  const lab = await createServiceLab(t, { bundles: ["first", "second", "broken"] });
  const { soar, on, show } = lab;
  let sensorId = "";

  await t.test("before it is enrolled it is installed, and waits", async () => {
    await lab.host.switchOn();
    assert.equal(await on("systemctl --failed --quiet"), "");
    // A hang must be seen within the test's time.
    await lab.setWatchdog(9);
    const installed = await lab.install("first");
    assert.deepEqual([installed.state, installed.version], ["waits-for-enrolment", versions.first]);
    assert.equal(await show("ActiveState"), "inactive");
  });

  await t.test("enrolled it starts, says that it is ready, and is connected", async () => {
    sensorId = await lab.enrol();
    // Resolves when the agent has said that it is ready.
    await on("systemctl start cordon-agent");
    assert.deepEqual([await show("ActiveState"), await show("UnitFileState")], ["active", "enabled"]);
    assert.match(await lab.untilAgentSays(/^connected/), /^connected; nothing is in force$/);
    assert.equal(await on("stat -c %a /var/lib/cordon-agent"), "700");
    const [entry = "{}"] = (await on("journalctl -u cordon-agent -p info -o json | grep welcomed")).split("\n");
    assert.equal(JSON.parse(entry).PRIORITY, "6");
    assert.match(JSON.parse(entry).MESSAGE, /^\{"level":30,/);
    assert.equal((await lab.install("first")).state, "unchanged");
  });

  await t.test("an agent that hangs is killed by the watchdog and started again", async () => {
    const hanging = await show("MainPID");
    await on(`kill -STOP ${hanging}`);
    await until("another one runs", async () => (await show("NRestarts")) === "1", 30_000, 200);
    await lab.untilAgentSays(/^connected/);
    assert.notEqual(await show("MainPID"), hanging);
    assert.match(await on("journalctl -u cordon-agent -o cat"), /Watchdog timeout/);
  });

  const isolate = async () => {
    await lab.orderIsolation();
    await lab.untilAgentSays(/network-isolation in effect/);
  };

  await t.test("isolated it stays so when its host is started anew", async () => {
    const open = await lab.captureOfHost();
    await until("an open host is heard", async () => (await open.frames()).length > 0);
    open.stop();
    await isolate();
    const capture = await lab.captureOfHost();
    assert.deepEqual(await capture.frames(), []);

    await lab.host.cutPower();
    await lab.host.switchOn();
    await lab.untilAgentSays(/^connected; network-isolation in effect/);
    assert.deepEqual(await capture.frames(), []);
    capture.stop();
  });

  await t.test(
    "an upgrade, a bad version and a way back keep identity and isolation, without an open moment",
    async () => {
      const capture = await lab.captureOfHost();
      const upgraded = await lab.install("second");
      assert.deepEqual([upgraded.state, upgraded.before, upgraded.version], ["runs", versions.first, versions.second]);
      await lab.untilAgentSays(/^connected; network-isolation in effect/);

      const failed = await lab.host.run("cordon-agent service install --bundle-dir /mnt/broken --json");
      assert.equal(failed.exitCode, 1, failed.stdout);
      assert.match(failed.stderr, /version 0\.1\.2 does not run.*Version 0\.1\.1 runs again.*this version is broken/s);
      assert.match(await on("readlink /usr/lib/cordon-agent/current"), /0\.1\.1/);

      const back = JSON.parse(await on("cordon-agent service rollback --json"));
      assert.deepEqual([back.state, back.version], ["runs", versions.first]);
      await lab.untilAgentSays(/^connected; network-isolation in effect/);
      const status = JSON.parse(await on("cordon-agent status --json"));
      assert.deepEqual([status.sensorId, status.version, status.settings[0].generation], [sensorId, versions.first, 1]);
      assert.deepEqual(await capture.frames(), []);
      capture.stop();
    },
  );

  await t.test("to remove it from an isolated host needs a word on what becomes of the isolation", async () => {
    const refused = await lab.host.run("cordon-agent service uninstall --yes");
    assert.equal(refused.exitCode, 1);
    assert.match(refused.stderr, /this host is isolated: nothing was done/);
    assert.match(refused.stderr, /Say --lift or --keep-isolated/);
    assert.equal(await show("ActiveState"), "active");
  });

  await t.test("released from afar, it comes up open when its host is started anew", async () => {
    await lab.orderRelease();
    await lab.untilAgentSays(/nothing is in force/);
    await lab.host.cutPower();
    const capture = await lab.captureOfHost();
    await lab.host.switchOn();
    await until("the host is heard", async () => (await capture.frames()).length > 0);
    capture.stop();
    await lab.untilAgentSays(/^connected; nothing is in force/);
    assert.equal(await show("ConditionResult", "cordon-isolation-boot"), "no");
  });

  const banned = "/usr/local/bin/banned";
  await t.test("its guard outlives it: what is banned does not run while a killed agent is started again", async () => {
    await on(`cp /bin/echo ${banned}; echo more >> ${banned}; ${banned} runs`);
    const [sha256 = ""] = (await on(`sha256sum ${banned}`)).split(" ");
    const rule = await soar.post(`settings?sensor_id=${sensorId}&settings_type=prevention`, {
      settings: { objects: [{ file: { sha256 } }] },
    });
    assert.equal(rule.status, 200, rule.text);
    await lab.untilAgentSays(/prevention in effect/);
    const restarts = Number(await show("NRestarts"));
    const { stdout } = await lab.host.run(`kill -KILL $(systemctl show -p MainPID --value cordon-agent)
        until [ "$(systemctl show -p NRestarts --value cordon-agent)" != ${restarts} ]; do ${banned} ran; done
        ${banned} ran`);
    assert.equal(stdout, "");
    await lab.untilAgentSays(/^connected; prevention in effect/);
  });

  await t.test("removed, it leaves its state and nothing else, and no process", async () => {
    await isolate();
    await on("cordon-agent service uninstall --yes --lift");
    const capture = await lab.captureOfHost();
    await until("the host is heard", async () => (await capture.frames()).length > 0);
    capture.stop();
    assert.equal(await on("ls /var/lib/cordon-agent/identity.json"), "/var/lib/cordon-agent/identity.json");
    assert.equal(
      await on("ls -d /usr/lib/cordon-agent /usr/sbin/cordon-agent /etc/systemd/system/cordon-* 2>/dev/null || true"),
      "/etc/systemd/system/cordon-agent.service.d\n/etc/systemd/system/cordon-test-port.service",
    );
    // In brackets, so that the text that is run here is not found itself.
    assert.equal(await on("pgrep -af '[/]usr/lib/cordon-agent' || true"), "");
    assert.equal(await on(`${banned} runs`), "runs");
  });
});
