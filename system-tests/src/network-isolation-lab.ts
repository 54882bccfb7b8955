/** What every test of the network isolation starts with: the network, who speaks in it, and the enforcer on the host. */
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import type { Exclusion, NetworkIsolationWish } from "@cordon/response-actions";
import { type Program, startProgram } from "./called-program.ts";
import { createNetwork, type NetworkNode, until } from "./namespaces.ts";
import type { EnforcerCalls } from "./network-isolation-enforcer.ts";
import type { PeerCalls } from "./network-isolation-peer.ts";

export const centralPort = 443;
/** A service of each node, on TCP and UDP. */
export const servicePort = 8080;

/** An exclusion of TCP to the stranger, but for what is given. */
export function exclusion(parts: Partial<Exclusion>): Exclusion {
  return {
    direction: "outbound",
    protocol: 6,
    remoteAddress: "192.0.2.30",
    localPorts: null,
    remotePorts: null,
    ...parts,
  };
}

export type Lab = Awaited<ReturnType<typeof createLab>>;
export type Peer = NetworkNode & Pick<Program<PeerCalls>, "ask">;

/** The network is taken away when the test ends. `container`: also one behind the host. */
export async function createLab(t: TestContext, wanted: { container?: boolean } = {}) {
  const network = await createNetwork(wanted);
  t.after(() => network.close());
  const peerOf = async (node: NetworkNode): Promise<Peer> => {
    const { ask } = startProgram<PeerCalls>(node, "./network-isolation-peer.ts");
    await ask("listenTcp", { port: servicePort });
    await ask("listenUdp", { port: servicePort });
    return { ...node, ask };
  };
  const [central, host, stranger] = await Promise.all(
    [network.central, network.host, network.stranger].map(peerOf) as [Promise<Peer>, Promise<Peer>, Promise<Peer>],
  );
  await central.ask("listenTcp", { port: centralPort });
  const enforcer = startProgram<EnforcerCalls>(network.host, "./network-isolation-enforcer.ts");
  const centralNode = [central.ipv4, central.ipv6].map((address) => ({ address, port: centralPort }));
  return {
    network,
    central,
    host,
    stranger,
    container: network.container === null ? null : await peerOf(network.container),
    enforcer,
    centralNode,
    /** Isolates the host and insists that it is in effect. */
    async isolate(exclusions: Exclusion[] = [], remainingSec = 7200) {
      const effect = await enforcer.ask("enforce", { wish: wishOf(exclusions), remainingSec, centralNode });
      assert.equal(effect.state, "in-effect", JSON.stringify(effect));
      return effect;
    },
    async lift() {
      assert.deepEqual(await enforcer.ask("enforce", { wish: null, remainingSec: null, centralNode }), {
        state: "lifted",
      });
    },
  };
}

export function wishOf(exclusions: Exclusion[]): NetworkIsolationWish {
  return { autoTurnoffTimeoutInSec: 7200, exclusions };
}

type Attempt = [from: Peer, address: string, port?: number, localPort?: number];
type Probe = (waitMs: number, ...attempt: Attempt) => Promise<boolean>;

export const pings: Probe = async (waitMs, from, address) =>
  (await from.run("ping", ["-c", "1", "-W", `${waitMs / 1000}`, address])).exitCode === 0;

export const connects: Probe = async (waitMs, from, address, port = servicePort, localPort) =>
  (await from.ask("connect", { address, port, waitMs, ...(localPort === undefined ? {} : { localPort }) })) !== null;

export const asks: Probe = async (waitMs, from, address, port = servicePort, localPort) => {
  const parameters = { address, port, waitMs, text: "ask", ...(localPort === undefined ? {} : { localPort }) };
  return (await from.ask("askUdp", parameters)) === "ask";
};

/** Insists that an attempt is answered, or that it is not. */
export async function answers(probe: Probe, attempt: Attempt, expected: boolean, what = ""): Promise<void> {
  // What must not come can only be waited for a while: an answer takes under a millisecond here. What must come may take
  // its time on a busy machine.
  const [from, address, port = servicePort] = attempt;
  const answered = await probe(expected ? 10_000 : 300, ...attempt);
  assert.equal(answered, expected, `${probe.name}: ${from.namespace} to ${address} port ${port} ${what}`);
}

/** Opens a connection and leaves it open; both its ends. */
export async function openConnection(from: Peer, to: Peer, address: string, port = servicePort, localPort?: number) {
  const before = (await to.ask("accepted", { port })).length;
  const near = await from.ask("connect", {
    address,
    port,
    waitMs: 10_000,
    ...(localPort === undefined ? {} : { localPort }),
  });
  assert.ok(near !== null, `no connection to ${address} port ${port}`);
  // The kernel accepts before the program does.
  const newest = async () => (await to.ask("accepted", { port })).slice(before).at(-1);
  await until("the connection is accepted", async () => (await newest()) !== undefined);
  const far = await newest();
  assert.ok(far !== undefined);
  await carries({ from, near, to, far }, "hello");
  return { near, far };
}

/** Insists that what one end says is heard at the other, and comes back: the far end is a listener and echoes. */
export async function carries(ends: { from: Peer; near: number; to: Peer; far: number }, text: string): Promise<void> {
  await ends.from.ask("say", { connection: ends.near, text });
  await until(`${text} is heard`, async () => (await ends.to.ask("heard", { connection: ends.far })).includes(text));
  await until(`${text} comes back`, async () =>
    (await ends.from.ask("heard", { connection: ends.near })).includes(text),
  );
}

/** Packets that the isolation refused so far, from the kernel's counters. */
export async function refusedPackets(host: NetworkNode): Promise<number> {
  const listed = await host.run("nft", ["-j", "list", "counters", "table", "inet", "cordon_isolation"]);
  const { nftables } = JSON.parse(listed.stdout) as { nftables: { counter?: { packets: number } }[] };
  return nftables.reduce((sum, { counter }) => sum + (counter?.packets ?? 0), 0);
}
