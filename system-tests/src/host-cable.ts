/** The cable of a host that boots: it stays while the host is without power, and whatever passes it can be listened at. */
import type { Network, NetworkNode } from "./namespaces.ts";
import { until } from "./namespaces.ts";

/** Of the network card of the host at its end. */
export const hostMac = "02:00:00:00:00:50";
/** In the node's namespace: whatever joins it is on the network, in the node's place. */
export const cableBridge = "bridge0";

/** A bridge takes the node's place on the network; the node loses its addresses, and sends nothing of its own. */
export async function layCable(at: NetworkNode): Promise<void> {
  const lines = [
    `link add name ${cableBridge} type bridge mcast_snooping 0`,
    "addr flush dev eth0",
    `link set eth0 master ${cableBridge}`,
    `link set ${cableBridge} up`,
  ];
  const quiet = await at.run("sysctl", [
    "-qw",
    "net.ipv6.conf.all.disable_ipv6=1",
    "net.ipv6.conf.default.disable_ipv6=1",
  ]);
  const laid = await at.run("ip", ["-batch", "-"], { stdin: lines.join("\n") });
  if (quiet.exitCode !== 0 || laid.exitCode !== 0) throw new Error(`no cable: ${quiet.stderr}${laid.stderr}`);
}

/**
 * Listens, outside of the host, for whatever it sends, but for what an isolated host may: ARP, neighbour discovery and
 * multicast listener reports, which never leave the link, and the agent's link.
 */
export async function captureOfHost({ central, host }: Network) {
  const discovery = "(icmp6 and ip6[40] >= 133 and ip6[40] <= 136)";
  // Behind the router alert option; 131, 132 and 143.
  const listenerReport = "(ip6[6] = 0 and ip6[40] = 58 and ip6[48] >= 131)";
  const agentLink = `(tcp and dst host ${central.ipv4} and dst port 443)`;
  const filter = `(ether src ${hostMac} and not arp and not ${discovery} and not ${listenerReport} and not ${agentLink}) or (icmp and src host ${central.ipv4})`;
  const capture = host.spawn("tcpdump", ["-i", "eth0", "-n", "-l", "-e", "--immediate-mode", filter], {
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
