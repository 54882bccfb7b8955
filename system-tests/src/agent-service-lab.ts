/** A Central Node, a stranger, and a host that is a virtual machine with a systemd of its own; no agent is installed yet. */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { buildBundle, makeBundleThatFails, shareNode } from "./agent-bundle.ts";
import { createExternalSystem, curlAs } from "./external-system.ts";
import { createNetwork, type Network, until } from "./namespaces.ts";
import { createFolder, startCentralNode } from "./programs.ts";
import { createVirtualMachine } from "./virtual-machine.ts";
import { makeDisk, makeMachineImage } from "./virtual-machine-image.ts";

const mac = "02:00:00:00:00:50";
/** Each question starts programs inside, which takes from the agent's own share of an emulated processor. */
export const askEachMs = 500;
/** What each bundle on the data disk calls itself. */
export const versions = { first: "0.1.0", second: "0.1.1", broken: "0.1.2" } as const;

export async function createServiceLab(t: TestContext) {
  const network = await createNetwork();
  t.after(() => network.close());
  const { central: centralPlace, host, stranger } = network;
  const image = makeMachineImage({
    network: { mac, ipv4: host.ipv4, ipv6: host.ipv6 },
    talksTo: stranger.ipv4,
  });
  const machine = await createVirtualMachine(t, { image, at: host, mac, dataDisk: makeDataDisk(t) });
  const central = await startCentralNode(t, { place: centralPlace });
  const system = createExternalSystem(t);
  const soar = curlAs(system, central, { place: centralPlace });
  assert.equal((await soar.get("sensors")).status, 401);
  await central.acceptSystem(system);

  const lab = {
    network,
    machine,
    central,
    soar,
    /** Runs a text for bash on the host; rejects when it fails. */
    async on(script: string): Promise<string> {
      const { exitCode, stdout, stderr } = await machine.run(script);
      if (exitCode !== 0) throw new Error(`${script} ended with ${exitCode}: ${stdout}${stderr}`);
      return stdout.trim();
    },
    /** A property of a unit, as systemd shows it. */
    show: (property: string, unit = "cordon-agent") => lab.on(`systemctl show --property=${property} --value ${unit}`),
    /** Resolves once the agent has told systemd this of itself. */
    untilAgentSays: (text: RegExp) =>
      until(
        `the agent says ${text}`,
        async () => {
          const said = await lab.show("StatusText");
          return text.test(said) ? said : null;
        },
        150_000,
        askEachMs,
      ),
    captureOfHost: () => captureOfHost({ network, cable: machine.cable }),
  };
  return lab;
}

/** What the agent's side is told from: the service's places, and what lies on the data disk. */
function makeDataDisk(t: TestContext): string {
  const folder = createFolder(t, "bundles");
  const content = createFolder(t, "bundles-content");
  const path = (name: keyof typeof versions) => join(content, name);
  buildBundle(path("first"), { version: versions.first });
  buildBundle(path("second"), { version: versions.second });
  shareNode(path("first"), path("second"));
  makeBundleThatFails(path("first"), path("broken"), versions.broken);
  const disk = join(folder, "data.ext4");
  makeDisk({ from: content, to: disk, size: "512M" });
  return disk;
}

/**
 * Listens at the host's own cable for whatever it sends, but for what an isolated host may: ARP, neighbour discovery and
 * multicast listener reports, which never leave the link, and the agent's link.
 */
async function captureOfHost({ network, cable }: { network: Network; cable: string }) {
  const { central, host } = network;
  const discovery = "(icmp6 and ip6[40] >= 133 and ip6[40] <= 136)";
  // Behind the router alert option; 131, 132 and 143.
  const listenerReport = "(ip6[6] = 0 and ip6[40] = 58 and ip6[48] >= 131)";
  const agentLink = `(tcp and dst host ${central.ipv4} and dst port 443)`;
  const filter = `(ether src ${mac} and not arp and not ${discovery} and not ${listenerReport} and not ${agentLink}) or (icmp and src host ${central.ipv4})`;
  const capture = host.spawn("tcpdump", ["-i", cable, "-n", "-l", "-e", "--immediate-mode", filter], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let printed = "";
  let said = "";
  capture.stdout?.on("data", (data) => {
    printed += data;
  });
  capture.stderr?.on("data", (data) => {
    said += data;
  });
  await until("tcpdump listens", () => said.includes("listening on"));
  const marker = `${central.ipv4} > ${host.ipv4}: ICMP echo request`;
  return {
    /** Every frame of the host since the start that is none of those. A ping of the Central Node's proves that it is complete. */
    async frames(): Promise<string[]> {
      const seen = printed.split(marker).length;
      await until(
        "the marker is captured",
        async () => {
          await central.run("ping", ["-c", "1", "-W", "1", host.ipv4]);
          return printed.split(marker).length > seen;
        },
        30_000,
      );
      return printed.split("\n").filter((line) => line !== "" && !line.includes(marker));
    },
    stop: () => capture.kill("SIGKILL"),
  };
}
