/** The agent as a service on a real host: started, watched, isolated through a power failure, upgraded and removed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { askEachMs, createServiceLab, versions } from "./agent-service-lab.ts";
import { until } from "./namespaces.ts";
import { needsVirtualMachine } from "./virtual-machine.ts";

// Without KVM, minutes on two busy cores, and two more for the image when there is none yet.
const timeout = 22 * 60_000;

test("the agent as a service outlives hangs, power failures, upgrades and bad versions", {
  ...needsVirtualMachine,
  timeout,
}, async (t) => {
  const started = performance.now();
  const lab = await createServiceLab(t);
  const { machine, central, soar, on, show } = lab;
  const note = (what: string) => t.diagnostic(`${((performance.now() - started) / 1000).toFixed(0)} s: ${what}`);
  const isolationPath = (sensorId: string) => `settings?sensor_id=${sensorId}&settings_type=network_isolation`;
  let sensorId = "";

  await t.test("before it is enrolled it is installed, and waits", async () => {
    await machine.switchOn();
    note("the host is up");
    // A hang must be seen within the test's time.
    await on(`mkdir -p /etc/systemd/system/cordon-agent.service.d
      printf '[Service]\\nWatchdogSec=20s\\n' > /etc/systemd/system/cordon-agent.service.d/test.conf`);
    const installed = JSON.parse(await on("/mnt/first/cordon-agent service install --json"));
    assert.deepEqual([installed.state, installed.version], ["waits-for-enrolment", versions.first]);
    assert.equal(await show("ActiveState"), "inactive");
  });

  await t.test("enrolled it starts, says that it is ready, and is connected", async () => {
    const enrolled = JSON.parse(
      await on(`cordon-agent enroll --json --server ${central.api} --token ${await central.joinToken()}`),
    );
    sensorId = enrolled.sensorId;
    // Resolves when the agent has said that it is ready.
    await on("systemctl start cordon-agent");
    assert.deepEqual([await show("ActiveState"), await show("UnitFileState")], ["active", "enabled"]);
    assert.match(await lab.untilAgentSays(/^connected/), /^connected; nothing is in force$/);
    note("the agent is connected");
    assert.equal(await on("stat -c %a /var/lib/cordon-agent"), "700");
    const [entry = "{}"] = (await on("journalctl -u cordon-agent -p info -o json | grep welcomed")).split("\n");
    assert.equal(JSON.parse(entry).PRIORITY, "6");
    assert.match(JSON.parse(entry).MESSAGE, /^\{"level":30,/);
    const unchanged = JSON.parse(await on("/mnt/first/cordon-agent service install --json"));
    assert.equal(unchanged.state, "unchanged");
  });

  await t.test("an agent that hangs is killed by the watchdog and started again", async () => {
    const hanging = await show("MainPID");
    await on(`kill -STOP ${hanging}`);
    await until("another one runs", async () => (await show("NRestarts")) === "1", 90_000, askEachMs);
    await lab.untilAgentSays(/^connected/);
    assert.notEqual(await show("MainPID"), hanging);
    assert.match(await on("journalctl -u cordon-agent -o cat"), /Watchdog timeout/);
    note("the watchdog has started it again");
  });

  const orderIsolation = async () => {
    const answer = await soar.post(isolationPath(sensorId), {
      settings: { autoTurnoffTimeoutInSec: 3600, excludedRules: [] },
    });
    assert.equal(answer.status, 200, answer.text);
    await lab.untilAgentSays(/network-isolation in effect/);
  };

  await t.test("isolated it stays so through a power failure, from before its network is up", async () => {
    const open = await lab.captureOfHost();
    await until("an open host is heard", async () => (await open.frames()).length > 0);
    open.stop();
    await orderIsolation();
    note("isolated");
    const orderedAt = performance.now();
    const capture = await lab.captureOfHost();
    assert.deepEqual(await capture.frames(), []);

    await machine.cutPower();
    await machine.switchOn();
    await lab.untilAgentSays(/^connected; network-isolation in effect/);
    note("isolated and connected again after the power failure");
    assert.deepEqual(await capture.frames(), []);
    capture.stop();

    const at = async (unit: string, property: string) => Number(await show(property, unit));
    const loaded = await at("cordon-isolation-boot", "ExecMainExitTimestampMonotonic");
    const networkPre = await at("network-pre.target", "ActiveEnterTimestampMonotonic");
    const networkd = await at("systemd-networkd", "ExecMainStartTimestampMonotonic");
    const agent = await at("cordon-agent", "ExecMainStartTimestampMonotonic");
    const order = `rules loaded ${loaded}, network-pre ${networkPre}, networkd ${networkd}, agent ${agent} µs after the kernel`;
    t.diagnostic(order);
    assert.ok(0 < loaded && loaded <= networkPre && networkPre <= networkd && networkd < agent, order);

    const passedSec = (performance.now() - orderedAt) / 1000;
    const status = JSON.parse(await on("cordon-agent status --json"));
    const { remainingSec } = status.settings[0];
    // Only what is left of the hour that was ordered, give or take what the two clocks and a busy machine make of it.
    assert.ok(remainingSec <= 3600 - passedSec + 15 && remainingSec > 3600 - passedSec - 60, String(remainingSec));
  });

  await t.test(
    "an upgrade, a bad version and a way back keep identity and isolation, without an open moment",
    async () => {
      const capture = await lab.captureOfHost();
      const upgraded = JSON.parse(await on("/mnt/second/cordon-agent service install --json"));
      assert.deepEqual([upgraded.state, upgraded.before, upgraded.version], ["runs", versions.first, versions.second]);
      await lab.untilAgentSays(/^connected; network-isolation in effect/);
      note("upgraded");

      const failed = await machine.run("cordon-agent service install --bundle-dir /mnt/broken --json");
      assert.equal(failed.exitCode, 1, failed.stdout);
      assert.match(failed.stderr, /version 0\.1\.2 does not run.*Version 0\.1\.1 runs again.*this version is broken/s);
      assert.match(await on("readlink /usr/lib/cordon-agent/current"), /0\.1\.1/);
      note("a bad version was given up");

      const back = JSON.parse(await on("cordon-agent service rollback --json"));
      assert.deepEqual([back.state, back.version], ["runs", versions.first]);
      await lab.untilAgentSays(/^connected; network-isolation in effect/);
      const status = JSON.parse(await on("cordon-agent status --json"));
      assert.deepEqual([status.sensorId, status.version, status.settings[0].generation], [sensorId, versions.first, 1]);
      assert.deepEqual(await capture.frames(), []);
      capture.stop();
      note("back at the first version");
    },
  );

  await t.test("to remove it from an isolated host needs a word on what becomes of the isolation", async () => {
    const refused = await machine.run("cordon-agent service uninstall --yes");
    assert.equal(refused.exitCode, 1);
    assert.match(refused.stderr, /this host is isolated: nothing was done/);
    assert.match(refused.stderr, /Say --lift or --keep-isolated/);
    assert.equal(await show("ActiveState"), "active");
  });

  await t.test("released from afar, it comes up open after the next power failure", async () => {
    assert.equal((await soar.delete(isolationPath(sensorId))).status, 200);
    await lab.untilAgentSays(/nothing is in force/);
    // The agent's word is durable; the rest of the disk is the machine's own business.
    await machine.cutPower();
    const capture = await lab.captureOfHost();
    await machine.switchOn();
    await until("the host is heard", async () => (await capture.frames()).length > 0, 60_000);
    capture.stop();
    await lab.untilAgentSays(/^connected; nothing is in force/);
    assert.equal(await show("ConditionResult", "cordon-isolation-boot"), "no");
    note("open after the power failure");
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
    const { stdout } = await machine.run(`kill -KILL $(systemctl show -p MainPID --value cordon-agent)
        until [ "$(systemctl show -p NRestarts --value cordon-agent)" != ${restarts} ]; do ${banned} ran; done
        ${banned} ran`);
    assert.equal(stdout, "");
    await lab.untilAgentSays(/^connected; prevention in effect/);
    note("the guard has outlived its agent");
  });

  await t.test("removed, it leaves its state and nothing else, and no process", async () => {
    await orderIsolation();
    await on("cordon-agent service uninstall --yes --lift");
    const capture = await lab.captureOfHost();
    await until("the host is heard", async () => (await capture.frames()).length > 0, 30_000);
    capture.stop();
    assert.equal(await on("ls /var/lib/cordon-agent/identity.json"), "/var/lib/cordon-agent/identity.json");
    assert.equal(
      await on("ls -d /usr/lib/cordon-agent /usr/sbin/cordon-agent /etc/systemd/system/cordon-* 2>/dev/null || true"),
      "/etc/systemd/system/cordon-agent.service.d\n/etc/systemd/system/cordon-test-port.service",
    );
    assert.equal(await on("pgrep -af /usr/lib/cordon-agent || true"), "");
    assert.equal(await on(`${banned} runs`), "runs");
    note("removed");
  });
});
