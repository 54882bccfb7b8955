/**
 * Compiles an isolation into nft text. Pure: it touches nothing. Nothing but checked numbers and addresses reaches the
 * text, whoever validated the wish before: nft would even resolve a host name that stands where an address belongs.
 */
import { createHash } from "node:crypto";
import type { CentralNodeEndpoint } from "../kit/enforcer.ts";
import { checkedEndpoints, endpointText } from "./central-node-endpoints.ts";
import { checkedInteger } from "./checked-integer.ts";
import { compileExclusion } from "./exclusion-rules.ts";
import type { NetworkIsolationWish } from "./network-isolation.ts";

/** The plain table outlives the agent. */
export const isolationTable = "cordon_isolation";
/** Its twin, with the same rules, belongs to a living nft: no other program can flush it, and it goes when that nft ends. */
export const ownedTable = "cordon_isolation_owned";
/**
 * Stands in the plain table once no connection from before the isolation is left in connection tracking. Part of the
 * ruleset where no exclusion looks at it; else added after the flush, so that a crash between the two is seen and made good.
 */
export const settledCounter = "connections_settled";
/** Stands in the plain table once the Central Node was proven reachable behind these rules. */
export const confirmedCounter = "central_node_confirmed";

/** Says which isolation a table holds. It stands in the kernel, as the comment of each base chain's rule. */
export type Mark = { digest: string; rules: number; exclusions: number };

export type CompiledRuleset = {
  mark: Mark;
  /** Endpoints that stay open: `192.0.2.1:443`, `[2001:db8::1]:443`. Sorted. */
  centralNode: string[];
  endpoints: { ipv4: CentralNodeEndpoint[]; ipv6: CentralNodeEndpoint[] };
  incoming: string[];
  outgoing: string[];
  /** What exclusions let out, for hooks that know nothing of connections. */
  excludedOut: string[];
  /** Whether an exclusion looks at who opened a connection. */
  directed: boolean;
};

/**
 * `centralNode`: at least one. Throws RangeError for a value that the wish's schema or findFault would have refused, and
 * for a bad endpoint.
 */
export function compileRuleset({
  wish,
  centralNode,
}: {
  wish: NetworkIsolationWish;
  centralNode: readonly CentralNodeEndpoint[];
}): CompiledRuleset {
  const exclusions = wish.exclusions.map(compileExclusion);
  const incoming = [
    'iifname "lo" accept',
    // Stateless, because connection tracking may know nothing of a link that was there before it. The mask keeps out
    // whoever has the Central Node's address and port and opens a connection to a local listener from there.
    "ip saddr . tcp sport @central_node_ipv4 tcp flags & (syn | ack) != syn accept",
    "ip6 saddr . tcp sport @central_node_ipv6 tcp flags & (syn | ack) != syn accept",
    // Neighbour discovery (RFC 4861): hop limit 255 proves that it comes from this link.
    "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-advert } ip6 hoplimit 255 accept",
    // A switch that snoops asks who listens to which group, and forgets whoever does not answer: then neighbour discovery
    // no longer reaches this host. Hop limit 1: it comes from this link.
    "icmpv6 type mld-listener-query ip6 hoplimit 1 accept",
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
    ...linkRules,
    ...exclusions.flatMap((exclusion) => exclusion.statelessOut),
    "meta l4proto tcp ct state != established tcp flags & (fin | syn | rst | ack) != syn counter name blocked_out drop",
    ...exclusions.flatMap((exclusion) => exclusion.directedOut),
    "counter name blocked_out drop",
  ];
  const endpoints = checkedEndpoints(centralNode);
  const open = [...endpoints.ipv4, ...endpoints.ipv6].map(endpointText).sort();
  const baseChains = 3;
  return {
    mark: {
      digest: createHash("sha256")
        .update(JSON.stringify([incoming, outgoing, open]))
        .digest("hex")
        .slice(0, 32),
      rules: incoming.length + outgoing.length + baseChains,
      exclusions: exclusions.length,
    },
    centralNode: open,
    endpoints,
    incoming,
    outgoing,
    excludedOut: exclusions.map((exclusion) => exclusion.anyOut),
    directed: exclusions.some((exclusion) => exclusion.directedIn.length > 0),
  };
}

/** What leaves the host whatever is excluded: to the Central Node, and what keeps the host on its link. Needs no connection tracking. */
export const linkRules: readonly string[] = [
  "ip daddr . tcp dport @central_node_ipv4 accept",
  "ip6 daddr . tcp dport @central_node_ipv6 accept",
  "icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert } ip6 hoplimit 255 accept",
  "icmpv6 type { mld-listener-report, mld-listener-done, mld2-listener-report } ip6 hoplimit 1 accept",
  "meta nfproto ipv4 udp sport 68 udp dport 67 accept",
  "meta nfproto ipv6 udp sport 546 udp dport 547 accept",
];

/**
 * One table as a part of a transaction: whatever was there is replaced without an open window. `timeout`: the kernel's timer
 * as nft writes it, from `timeoutText`. `owned`: the twin.
 */
export function tableText(
  ruleset: CompiledRuleset,
  { timeout, confirmed, owned }: { timeout: string; confirmed: boolean; owned: boolean },
): string {
  const { incoming, outgoing, endpoints, directed } = ruleset;
  const comment = `comment "${formatMark(ruleset.mark)}"`;
  const settled = directed ? "" : `counter ${settledCounter} { }`;
  // Priority -10: after connection tracking and destination NAT, so a redirect shows its true target, and before the
  // host's own filters. Policy accept, and the jump only while the set holds the family: the end is the kernel's own.
  return `${owned ? endOwnedText : liftText}table inet ${owned ? ownedTable : isolationTable} {
  ${owned ? "flags owner" : ""}
  set active {
    typeof meta nfproto
    flags timeout
    elements = { ${elementsOfActive(timeout)} }
  }
${endpointSets(endpoints)}
  counter blocked_in { }
  counter blocked_out { }
  counter blocked_forward { }
  ${owned ? "" : settled}
  ${confirmed && !owned ? `counter ${confirmedCounter} { }` : ""}
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
}

export function endpointSets({ ipv4, ipv6 }: CompiledRuleset["endpoints"]): string {
  return `  set central_node_ipv4 {
    type ipv4_addr . inet_service
    ${elementsLine(ipv4)}
  }
  set central_node_ipv6 {
    type ipv6_addr . inet_service
    ${elementsLine(ipv6)}
  }`;
}

/** Gives an isolation that is in force another end, as a part of a transaction, and leaves its rules and counters alone. */
export function renewalText(remainingSec: number, table = isolationTable): string {
  return `flush set inet ${table} active
add element inet ${table} active { ${elementsOfActive(timeoutText(remainingSec))} }
`;
}

/** Says in the kernel that connection tracking was flushed after the ruleset was loaded. */
export const settledText = `add counter inet ${isolationTable} ${settledCounter}
`;

/** Says in the kernel that the Central Node was reached behind the rules. */
export const confirmedText = `add counter inet ${isolationTable} ${confirmedCounter}
`;

/** Takes the plain table away. Loads also where there is none: `delete` alone would fail there. */
export const liftText = `add table inet ${isolationTable}
delete table inet ${isolationTable}
`;

/** Takes the twin away. Only its owner may. */
export const endOwnedText = `add table inet ${ownedTable} { flags owner; }
delete table inet ${ownedTable}
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

function elementsLine(endpoints: CentralNodeEndpoint[]): string {
  if (endpoints.length === 0) return "";
  return `elements = { ${endpoints.map(({ address, port }) => `${address} . ${port}`).join(", ")} }`;
}

/** More than 0; kept to the millisecond. */
export function timeoutText(remainingSec: number): string {
  // Seconds and milliseconds apart: nft holds a count of either in 32 bits.
  const remainingMs = checkedInteger(Math.round(remainingSec * 1000), 1, 36_000_000_000);
  return `${Math.floor(remainingMs / 1000)}s${remainingMs % 1000}ms`;
}

function elementsOfActive(timeout: string): string {
  return `ipv4 timeout ${timeout}, ipv6 timeout ${timeout}`;
}
