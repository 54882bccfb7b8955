/**
 * Finds exclusions that something else on the host blocks. Nobody can tell from other tables' rules what they come to, so
 * a packet of the kind is sent, through every hook that it would pass, into a sink of ours at the end: none leaves the host.
 */
import { createSocket } from "node:dgram";
import { connect } from "node:net";
import type { RefusedPart } from "../kit/enforcer.ts";
import type { Exclusion } from "./network-isolation.ts";

const probeTable = "cordon_isolation_probe";

const tcp = 6;
const udp = 17;
/** Each takes a socket for a moment. What is beyond is not looked at. */
const maxProbes = 64;
/** A SYN is sent within the call of connect; this is for a busy machine. */
const settleMs = 100;
/** Where an exclusion names no port of the remote side. */
const anyPort = { [tcp]: 443, [udp]: 53 };

type Nft = { load(text: string): Promise<{ succeeded: boolean }>; list(table: string): Promise<string | null> };
type Probe = { exclusion: Exclusion; protocol: 6 | 17; remotePort: number; socket: Opened };
/** `isSent`: whether a packet was made at all. */
type Opened = { localPort: number; send(): void; isSent(): boolean; close(): void };

/** Nothing was sent for a reason that is no firewall's: the port is taken, or no route leads there. */
const notSent = ["EADDRINUSE", "EADDRNOTAVAIL", "ENETUNREACH"];

/**
 * Looks at exclusions that let the host open TCP or UDP; what comes from outside and other protocols cannot be probed from
 * here. Never throws: what cannot be probed is not blamed.
 */
export async function findBlocked(exclusions: readonly Exclusion[], nft: Nft): Promise<RefusedPart[]> {
  const probes = (await Promise.all(exclusions.filter(isProbeable).slice(0, maxProbes).map(prepare))).flat();
  if (probes.length === 0) return [];
  try {
    const loaded = await nft.load(sinkText(probes));
    if (!loaded.succeeded) return [];
    for (const probe of probes) probe.socket.send();
    await new Promise((resolve) => setTimeout(resolve, settleMs));
    const sunk = parseSunk((await nft.list(`inet ${probeTable}`)) ?? "");
    if (sunk === null) return [];
    return probes.filter((probe) => probe.socket.isSent() && sunk.get(keyOf(probe)) === 0).map(toRefusedPart);
  } finally {
    for (const { socket } of probes) socket.close();
    await nft.load(`add table inet ${probeTable}\ndelete table inet ${probeTable}\n`);
  }
}

function isProbeable({ direction, protocol }: Exclusion): boolean {
  return direction !== "inbound" && (protocol === null || protocol === tcp || protocol === udp);
}

/** Binds the local port first: the sink takes exactly what comes from there. Empty where it is taken. */
async function prepare(exclusion: Exclusion): Promise<Probe[]> {
  const protocol = exclusion.protocol === udp ? udp : tcp;
  const remotePort = exclusion.remotePorts?.from || anyPort[protocol];
  const open = protocol === udp ? openUdp : openTcp;
  const socket = await open(exclusion.remoteAddress, remotePort, exclusion.localPorts?.from ?? 0);
  return socket === null ? [] : [{ exclusion, protocol, remotePort, socket }];
}

function openUdp(address: string, port: number, localPort: number): Promise<Opened | null> {
  return new Promise((resolve) => {
    const socket = createSocket("udp4");
    socket.once("error", () => resolve(null));
    socket.bind(localPort, () => {
      let code: string | undefined;
      resolve({
        localPort: socket.address().port,
        // The sink's drop is an error to the sender, as any other's is.
        send: () =>
          socket.send("", port, address, (error) => {
            code = (error as NodeJS.ErrnoException | null)?.code;
          }),
        isSent: () => !notSent.includes(code ?? ""),
        close: () => socket.close(),
      });
    });
  });
}

/** A port that UDP has free is most likely free for TCP, too; where it is not, no packet is made. */
async function openTcp(address: string, port: number, localPort: number): Promise<Opened | null> {
  const reserved = await openUdp(address, port, localPort);
  if (reserved === null) return null;
  let end = () => {};
  let code: string | undefined;
  return {
    localPort: reserved.localPort,
    send() {
      const socket = connect({ host: address, port, localPort: reserved.localPort });
      socket.on("error", (error: NodeJS.ErrnoException) => {
        code = error.code;
      });
      end = () => socket.destroy();
    },
    isSent: () => !notSent.includes(code ?? ""),
    close() {
      end();
      reserved.close();
    },
  };
}

// Priority 90: after the hooks of every filter in the output path, and before source NAT (100) would change the port.
function sinkText(probes: Probe[]): string {
  return `add table inet ${probeTable}
delete table inet ${probeTable}
table inet ${probeTable} {
  set probes {
    type ipv4_addr . inet_proto . inet_service . inet_service
    counter
    elements = { ${[...new Set(probes.map(keyOf))].join(", ")} }
  }
  chain sink {
    type filter hook postrouting priority 90; policy accept;
    ip daddr . meta l4proto . th sport . th dport @probes drop
  }
}
`;
}

function keyOf({ exclusion, protocol, remotePort, socket }: Probe): string {
  return `${exclusion.remoteAddress} . ${protocol === tcp ? "tcp" : "udp"} . ${socket.localPort} . ${remotePort}`;
}

/** Packets that the sink took, by key; null for what is not its listing. */
function parseSunk(listing: string): Map<string, number> | null {
  type Element = { elem?: { val?: { concat?: unknown[] }; counter?: { packets?: number } } };
  type Listing = { nftables?: { set?: { name?: string; elem?: Element[] } }[] };
  try {
    // nft's own words; what has another form finds no element below.
    const { nftables = [] } = JSON.parse(listing) as Listing;
    const elements = nftables.flatMap(({ set }) => (set?.name === "probes" ? (set.elem ?? []) : []));
    return new Map(elements.map(({ elem }) => [(elem?.val?.concat ?? []).join(" . "), elem?.counter?.packets ?? 0]));
  } catch {
    return null;
  }
}

function toRefusedPart({ exclusion, protocol, remotePort }: Probe): RefusedPart {
  const part = `${exclusion.direction} ${protocol === tcp ? "tcp" : "udp"} ${exclusion.remoteAddress}:${remotePort}`;
  return { part, reason: "EXCLUSION_BLOCKED", detail: "another firewall on this host drops it" };
}
