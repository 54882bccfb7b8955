/** The whole system in namespaces: cordon-server, a host with cordon-agent, a stranger, and who speaks in each of them. */
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { startProgram } from "./called-program.ts";
import { createExternalSystem, curlAs, settingStateOf } from "./external-system.ts";
import { createNetwork, type Network, type NetworkNode, until } from "./namespaces.ts";
import { asks, connects, type Peer, pings, servicePort } from "./network-isolation-lab.ts";
import type { PeerCalls } from "./network-isolation-peer.ts";
import { enrolHost, serverMain, startCentralNode } from "./programs.ts";

export type WholeSystem = Awaited<ReturnType<typeof createWholeSystem>>;

/**
 * Made, enrolled, accepted; nothing is ordered yet. `main`: in place of cordon-server's own. `host`: how the agent is
 * enrolled, where not by default. `prepare`: what else the network needs before that.
 */
export async function createWholeSystem(
  t: TestContext,
  {
    main = [serverMain],
    host = {},
    prepare = async () => {},
  }: {
    main?: string[];
    host?: { main?: string[]; servers?: string[] };
    prepare?(network: Network): Promise<void>;
  } = {},
) {
  const network = await createNetwork();
  t.after(() => network.close());
  await prepare(network);
  const [hostPeer, stranger] = await Promise.all([speakIn(network.host), speakIn(network.stranger)]);
  const central = await startCentralNode(t, { place: network.central, main });
  const agent = await enrolHost(t, central, { place: network.host, ...host });
  const system = createExternalSystem(t);
  const soar = curlAs(system, central, { place: network.central });
  assert.equal((await soar.get("sensors")).status, 401);
  await central.acceptSystem(system);
  const path = `settings?sensor_id=${agent.sensorId}&settings_type=network_isolation`;
  return {
    network,
    central,
    agent,
    system,
    soar,
    /** The two machines as network nodes that can be told to speak. */
    host: hostPeer,
    stranger,
    path,
    /** Orders isolation, and does not wait for it. */
    async order(excludedRules: object[] = [], autoTurnoffTimeoutInSec = 3600) {
      const answer = await soar.post(path, { settings: { autoTurnoffTimeoutInSec, excludedRules } });
      assert.equal(answer.status, 200, answer.text);
    },
    /** Resolves with what the API tells, once the host has reported on the newest order, and it is in this state. */
    untilReported: (state: "in_effect" | "lifted" | "failed") =>
      until(`the host reports ${state}`, async () => {
        const found = await settingStateOf(soar, agent);
        return found?.state === state && found.reportedGeneration === found.orderedGeneration ? found : null;
      }),
  };
}

export async function speakIn(node: NetworkNode): Promise<Peer> {
  const { ask } = startProgram<PeerCalls>(node, "./network-isolation-peer.ts");
  await ask("listenTcp", { port: servicePort });
  await ask("listenUdp", { port: servicePort });
  return { ...node, ask };
}

/** Every way from one machine to the other by itself: ping, TCP and UDP on IPv4 and IPv6, with its name. */
export function waysBetween({ host, stranger }: Pick<WholeSystem, "host" | "stranger">) {
  return [
    [stranger, host],
    [host, stranger],
  ].flatMap(([from, to]) =>
    [pings, connects, asks].flatMap((probe) =>
      // Both machines are there: the pairs above are whole.
      [(to as Peer).ipv4, (to as Peer).ipv6].map((address) => ({
        name: `${probe.name} from ${(from as Peer).namespace} to ${address}`,
        isOpen: (waitMs: number) => probe(waitMs, from as Peer, address),
      })),
    ),
  );
}

/** Insists that all ways are open, or that all are shut. */
export async function waysAre(open: boolean, system: Pick<WholeSystem, "host" | "stranger">): Promise<void> {
  // An answer takes under a millisecond here; what must not come can only be waited for a while.
  for (const way of waysBetween(system)) assert.equal(await way.isOpen(open ? 10_000 : 300), open, way.name);
}

/**
 * Listens at the stranger for whatever the host sends on its own, but for ARP, neighbour discovery (ICMPv6 133 to 136) and
 * multicast listener reports (143), which never leave the link.
 */
export async function captureAtStranger({ network, host, stranger }: WholeSystem) {
  // Behind a hop-by-hop header: which groups the host listens to.
  const discovery = "(icmp6 and ip6[40] >= 133 and ip6[40] <= 136) or (ip6[6] = 0 and ip6[40] = 58 and ip6[48] = 143)";
  const { central } = network;
  const filter = `(ether src ${host.mac} and not arp and not (${discovery})) or (icmp and src host ${central.ipv4})`;
  const capture = stranger.spawn("tcpdump", ["-i", "eth0", "-n", "-l", "--immediate-mode", "-p", filter], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let printed = "";
  let status = "";
  capture.stdout?.on("data", (data) => {
    printed += data;
  });
  capture.stderr?.on("data", (data) => {
    status += data;
  });
  await until("tcpdump listens", () => status.includes("listening on"));
  return {
    /** Every packet of the host since the start. A ping of the Central Node's proves that the capture is complete. */
    async packetsOfHost(): Promise<string[]> {
      await until("the marker is captured", async () => {
        await central.run("ping", ["-c", "1", "-W", "1", stranger.ipv4]);
        return printed.includes(`${central.ipv4} > ${stranger.ipv4}`);
      });
      capture.kill("SIGKILL");
      return printed.split("\n").filter((line) => line !== "" && !line.includes(`IP ${central.ipv4} >`));
    },
  };
}
