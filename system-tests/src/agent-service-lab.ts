/** A Central Node, a stranger, and a host that boots a systemd of its own; no agent is installed yet. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { buildBundle, makeBundleThatFails, shareNode } from "./agent-bundle.ts";
import { createExternalSystem, curlAs } from "./external-system.ts";
import { captureOfHost, hostMac, layCable } from "./host-cable.ts";
import { createNetwork, type RunResult, until } from "./namespaces.ts";
import { createFolder, type Owner, startCentralNode } from "./programs.ts";
import { createServiceContainer } from "./service-container.ts";
import { makeDisk, makeMachineImage } from "./systemd-host-image.ts";

/** What each bundle at /mnt calls itself. */
export const versions = { first: "0.1.0", second: "0.1.1", broken: "0.1.2" } as const;
type BundleName = keyof typeof versions;

/** A host in power, and its switch. */
type BootedHost = {
  switchOn(): Promise<void>;
  cutPower(): Promise<void>;
  run(script: string): Promise<RunResult>;
};

export async function createServiceLab(t: TestContext, { bundles }: { bundles: readonly BundleName[] }) {
  const owner: Owner = t;
  const network = await createNetwork();
  // Before the others: clean-ups run in the order in which they were asked for, and afterwards there is no host to ask.
  t.after(async () => {
    if (owner.passed !== false) return;
    const { stdout, stderr } = await lab.host.run("journalctl -u cordon-agent -u cordon-isolation-boot -o cat -n 50");
    process.stderr.write(`The end of the agent's journal:\n${stdout}${stderr}\n`);
  });
  t.after(() => network.close());
  const { central: centralPlace, host: at, stranger } = network;
  await layCable(at);
  const image = await makeMachineImage({
    network: { mac: hostMac, ipv4: at.ipv4, ipv6: at.ipv6 },
    talksTo: stranger.ipv4,
  });
  // The disk of this host alone; what the cache holds stays as it is. Most of it is holes.
  const folder = createFolder(t, "host");
  const disk = join(folder, "root.ext4");
  const copied = spawnSync("cp", ["--sparse=always", image.rootDisk, disk], { encoding: "utf8" });
  if (copied.status !== 0) throw new Error(`no disk: ${copied.stderr}`);
  const dataDisk = join(folder, "data.ext4");
  makeDataDisk(t, { to: dataDisk, bundles });
  const container = createServiceContainer(t, { at, disk, dataDisk });

  const central = await startCentralNode(t, { place: centralPlace });
  const system = createExternalSystem(t);
  const soar = curlAs(system, central, { place: centralPlace });
  assert.equal((await soar.get("sensors")).status, 401);
  await central.acceptSystem(system);

  let sensorId = "";
  const isolationPath = () => `settings?sensor_id=${sensorId}&settings_type=network_isolation`;
  const lab = {
    image,
    disk,
    /** Where its cable is laid. */
    at,
    central,
    soar,
    /** The one that all below is about: a container, until a test boots the disk elsewhere. */
    host: container as BootedHost,
    /** Runs a text for bash on the host; rejects when it fails. */
    async on(script: string): Promise<string> {
      const { exitCode, stdout, stderr } = await lab.host.run(script);
      if (exitCode !== 0) throw new Error(`${script} ended with ${exitCode}: ${stdout}${stderr}`);
      return stdout.trim();
    },
    /** A property of a unit, as systemd shows it. */
    show: (property: string, unit = "cordon-agent") => lab.on(`systemctl show --property=${property} --value ${unit}`),
    /** Resolves once the agent has told systemd this of itself; asks each `everyMs`, which starts programs on the host. */
    untilAgentSays: (text: RegExp, { withinMs = 30_000, everyMs = 200 } = {}) =>
      until(
        `the agent says ${text}`,
        async () => {
          const said = await lab.show("StatusText");
          return text.test(said) ? said : null;
        },
        withinMs,
        everyMs,
      ),
    captureOfHost: () => captureOfHost(network),
    /** A sign of life each third of it; what the agent says of itself is as old. */
    setWatchdog: (seconds: number) =>
      lab.on(`mkdir -p /etc/systemd/system/cordon-agent.service.d
        printf '[Service]\\nWatchdogSec=${seconds}s\\n' > /etc/systemd/system/cordon-agent.service.d/test.conf`),
    install: async (bundle: BundleName) =>
      JSON.parse(await lab.on(`/mnt/${bundle}/cordon-agent service install --json`)),
    async enrol(): Promise<string> {
      const words = `--server ${central.api} --token ${await central.joinToken()}`;
      sensorId = JSON.parse(await lab.on(`cordon-agent enroll --json ${words}`)).sensorId;
      return sensorId;
    },
    /** For an hour. The order is given when it resolves, and not carried out yet. */
    async orderIsolation() {
      const answer = await soar.post(isolationPath(), {
        settings: { autoTurnoffTimeoutInSec: 3600, excludedRules: [] },
      });
      assert.equal(answer.status, 200, answer.text);
    },
    async orderRelease() {
      assert.equal((await soar.delete(isolationPath())).status, 200);
    },
  };
  return lab;
}

/** What the agent is installed from. */
function makeDataDisk(t: TestContext, { to, bundles }: { to: string; bundles: readonly BundleName[] }): void {
  const content = createFolder(t, "bundles");
  const path = (name: BundleName) => join(content, name);
  buildBundle(path("first"), { version: versions.first });
  if (bundles.includes("second")) {
    buildBundle(path("second"), { version: versions.second });
    shareNode(path("first"), path("second"));
  }
  if (bundles.includes("broken")) makeBundleThatFails(path("first"), path("broken"), versions.broken);
  makeDisk({ from: content, to, size: "512M" });
}
