/**
 * Compiles an isolation into nft text. Pure: it touches nothing. Nothing but checked numbers and addresses reaches the
 * text, whoever validated the wish before: nft would even resolve a host name that stands where an address belongs.
 */
import { createHash } from "node:crypto";
import { isIPv4, isIPv6 } from "node:net";
import type { CentralNodeEndpoint } from "../kit/enforcer.ts";
import type { Exclusion, NetworkIsolationWish } from "./network-isolation.ts";

export const isolationTable = "cordon_isolation";
/**
 * Stands in the table once no connection from before the isolation is left in connection tracking. Part of the ruleset
 * where no exclusion looks at it; else added after the flush, so that a crash between the two is seen and made good.
 */
export const settledCounter = "connections_settled";

/** Says which isolation a table holds. It stands in the kernel, as the comment of each base chain's rule. */
export type Mark = { digest: string; rules: number; exclusions: number };

export type CompiledRuleset = {
  /** One nft transaction: whatever was there is replaced without an open window, or nothing changes. */
  text: string;
  mark: Mark;
  /** Endpoints that stay open: `192.0.2.1:443`, `[2001:db8::1]:443`. Sorted. */
  centralNode: string[];
};

/**
 * `remainingSec`: more than 0; the kernel's timer, kept to the millisecond. `centralNode`: at least one address.
 * Throws RangeError for a value that the wish's schema or findFault would have refused, and for a bad endpoint.
 */
export function compileRuleset(isolation: {
  wish: NetworkIsolationWish;
  remainingSec: number;
  centralNode: CentralNodeEndpoint;
}): CompiledRuleset {
  const { wish, remainingSec, centralNode } = isolation;
  const exclusions = wish.exclusions.map(compileExclusion);
  const incoming = [
    'iifname "lo" accept',
    // Stateless, because connection tracking may know nothing of a link that was there before it. The mask keeps out
    // whoever has the Central Node's address and port and opens a connection to a local listener from there.
    "ip saddr . tcp sport @central_node_ipv4 tcp flags & (syn | ack) != syn accept",
    "ip6 saddr . tcp sport @central_node_ipv6 tcp flags & (syn | ack) != syn accept",
    // Neighbour discovery (RFC 4861): hop limit 255 proves that it comes from this link.
    "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-advert } ip6 hoplimit 255 accept",
    // Without these the Central Node's link hangs behind a path with a smaller MTU.
    "icmpv6 type packet-too-big accept",
    "icmp type destination-unreachable icmp code frag-needed accept",
    // DHCP: a lost lease is a lost host.
    "meta nfproto ipv4 udp sport 67 udp dport 68 accept",
    "meta nfproto ipv6 udp sport 547 udp dport 546 accept",
    ...exclusions.flatMap((exclusion) => exclusion.statelessIn),
    // Connection tracking picks connections up in the middle, and would then take the host for the opener of one that
    // the remote side opened: TCP of an exclusion begins with a bare SYN, or not at all.
    "meta l4proto tcp ct state != established tcp flags & (fin | syn | rst | ack) != syn counter name blocked_in drop",
    ...exclusions.flatMap((exclusion) => exclusion.directedIn),
    "counter name blocked_in drop",
  ];
  const outgoing = [
    'oifname "lo" accept',
    "ip daddr . tcp dport @central_node_ipv4 accept",
    "ip6 daddr . tcp dport @central_node_ipv6 accept",
    "icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert } ip6 hoplimit 255 accept",
    "meta nfproto ipv4 udp sport 68 udp dport 67 accept",
    "meta nfproto ipv6 udp sport 546 udp dport 547 accept",
    ...exclusions.flatMap((exclusion) => exclusion.statelessOut),
    "meta l4proto tcp ct state != established tcp flags & (fin | syn | rst | ack) != syn counter name blocked_out drop",
    ...exclusions.flatMap((exclusion) => exclusion.directedOut),
    "counter name blocked_out drop",
  ];
  const directed = exclusions.some((exclusion) => exclusion.directedIn.length > 0);
  const { port, ipv4, ipv6 } = checkedEndpoint(centralNode);
  const baseChains = 3;
  const mark: Mark = {
    digest: createHash("sha256")
      .update(JSON.stringify([incoming, outgoing, port, ipv4, ipv6]))
      .digest("hex")
      .slice(0, 32),
    rules: incoming.length + outgoing.length + baseChains,
    exclusions: exclusions.length,
  };
  const comment = `comment "${formatMark(mark)}"`;
  // Priority -10: after connection tracking and destination NAT, so a redirect shows its true target, and before the
  // host's own filters. Policy accept, and the jump only while the set holds the family: the end is the kernel's own.
  const text = `${liftText}table inet ${isolationTable} {
  set active {
    typeof meta nfproto
    flags timeout
    elements = { ${timers(remainingSec)} }
  }
  set central_node_ipv4 {
    type ipv4_addr . inet_service
    ${elementsLine(ipv4, port)}
  }
  set central_node_ipv6 {
    type ipv6_addr . inet_service
    ${elementsLine(ipv6, port)}
  }
  counter blocked_in { }
  counter blocked_out { }
  counter blocked_forward { }
  ${directed ? "" : `counter ${settledCounter} { }`}
  chain isolated_in {
    ${incoming.join("\n    ")}
  }
  chain isolated_out {
    ${outgoing.join("\n    ")}
  }
  chain input {
    type filter hook input priority -10; policy accept;
    meta nfproto @active jump isolated_in ${comment}
  }
  chain output {
    type filter hook output priority -10; policy accept;
    meta nfproto @active jump isolated_out ${comment}
  }
  chain forward {
    type filter hook forward priority -10; policy accept;
    meta nfproto @active counter name blocked_forward drop ${comment}
  }
}
`;
  return { text, mark, centralNode: [...ipv4, ...ipv6].map((address) => endpointText(address, port)).sort() };
}

/** Gives an isolation that is in force another end, in one transaction, and leaves its rules and counters alone. */
export function compileRenewal(remainingSec: number): string {
  return `flush set inet ${isolationTable} active
add element inet ${isolationTable} active { ${timers(remainingSec)} }
`;
}

/** Says in the kernel that connection tracking was flushed after the ruleset was loaded. */
export const settledText = `add counter inet ${isolationTable} ${settledCounter}
`;

/** Takes the isolation away. Loads also where there is none: `delete` alone would fail there. */
export const liftText = `add table inet ${isolationTable}
delete table inet ${isolationTable}
`;

/** Reads a mark back from a rule's comment; null for a comment that is not one. */
export function parseMark(comment: string): Mark | null {
  const match = /^cordon 1 ([0-9a-f]{32}) rules (\d{1,9}) exclusions (\d{1,9})$/.exec(comment);
  if (match === null) return null;
  const [, digest = "", rules, exclusions] = match;
  return { digest, rules: Number(rules), exclusions: Number(exclusions) };
}

// "1" is the version of the rules' form: a table of a form that this code does not know is replaced, not trusted.
function formatMark(mark: Mark): string {
  return `cordon 1 ${mark.digest} rules ${mark.rules} exclusions ${mark.exclusions}`;
}

type ExclusionRules = { statelessIn: string[]; statelessOut: string[]; directedIn: string[]; directedOut: string[] };

function compileExclusion(exclusion: Exclusion): ExclusionRules {
  const { direction, protocol } = exclusion;
  const remote = exclusion.remoteAddress;
  if (typeof remote !== "string" || !isIPv4(remote))
    throw new RangeError("an exclusion's remote address must be one IPv4 address");
  const local = exclusion.localPorts;
  const far = exclusion.remotePorts;
  const transport = protocol === null ? "" : ` meta l4proto ${integer(protocol, 0, 255)}`;
  const incoming = `ip saddr ${remote}${transport}${portMatch("sport", far, protocol)}${portMatch("dport", local, protocol)}`;
  const outgoing = `ip daddr ${remote}${transport}${portMatch("sport", local, protocol)}${portMatch("dport", far, protocol)}`;
  const none: ExclusionRules = { statelessIn: [], statelessOut: [], directedIn: [], directedOut: [] };
  switch (direction) {
    case "both":
      return { ...none, statelessIn: [`${incoming} accept`], statelessOut: [`${outgoing} accept`] };
    case "inbound":
      return {
        ...none,
        directedIn: [`${incoming} ct direction original accept`],
        directedOut: [`${outgoing} ct direction reply accept`],
      };
    case "outbound":
      return {
        ...none,
        directedIn: [`${incoming} ct direction reply accept`],
        directedOut: [`${outgoing} ct direction original accept`],
      };
    default:
      throw new RangeError("an exclusion's direction must be inbound, outbound or both");
  }
}

/** TCP, UDP, DCCP, SCTP, UDP-Lite: `th` reads their ports, and for any other protocol it would read something else. */
const protocolsWithPorts: readonly (number | null)[] = [6, 17, 33, 132, 136];

function portMatch(field: "sport" | "dport", ports: Exclusion["localPorts"], protocol: number | null): string {
  if (ports === null) return "";
  if (!protocolsWithPorts.includes(protocol)) throw new RangeError("ports need a protocol that has them");
  const from = integer(ports.from, 0, 65535);
  const to = integer(ports.to, from, 65535);
  return ` th ${field} ${from === to ? from : `${from}-${to}`}`;
}

function checkedEndpoint(centralNode: CentralNodeEndpoint): { port: number; ipv4: string[]; ipv6: string[] } {
  const addresses = [...new Set(centralNode.addresses.map(canonicalAddress))].sort();
  if (addresses.length === 0) throw new RangeError("the Central Node must have an address");
  return {
    port: integer(centralNode.port, 1, 65535),
    ipv4: addresses.filter((address) => isIPv4(address)),
    ipv6: addresses.filter((address) => isIPv6(address)),
  };
}

export function endpointText(address: string, port: number): string {
  return isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`;
}

/**
 * One spelling per address, as it stands in packets: an IPv4 address that a dual-stack socket spells as IPv6
 * (`::ffff:192.0.2.1`) is IPv4 on the wire, and a zone (`%eth0`) is not on the wire at all.
 */
export function canonicalAddress(address: string): string {
  if (typeof address !== "string") throw new RangeError("a Central Node's address must be text");
  if (isIPv4(address)) return address;
  const zoneless = address.split("%", 1)[0] ?? "";
  if (!isIPv6(zoneless)) throw new RangeError("a Central Node's address must be an IPv4 or IPv6 address");
  const canonical = new URL(`http://[${zoneless}]/`).hostname.slice(1, -1);
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(canonical);
  if (mapped === null) return canonical;
  const [high, low] = [Number.parseInt(mapped[1] ?? "", 16), Number.parseInt(mapped[2] ?? "", 16)];
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
}

function elementsLine(addresses: string[], port: number): string {
  if (addresses.length === 0) return "";
  return `elements = { ${addresses.map((address) => `${address} . ${port}`).join(", ")} }`;
}

function timers(remainingSec: number): string {
  // Seconds and milliseconds apart: nft holds a count of either in 32 bits.
  const remainingMs = integer(Math.round(remainingSec * 1000), 1, 36_000_000_000);
  const timeout = `timeout ${Math.floor(remainingMs / 1000)}s${remainingMs % 1000}ms`;
  return `ipv4 ${timeout}, ipv6 ${timeout}`;
}

function integer(value: number, min: number, max: number): number {
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new RangeError(`a number must be an integer from ${min} to ${max}`);
  }
  return value;
}
