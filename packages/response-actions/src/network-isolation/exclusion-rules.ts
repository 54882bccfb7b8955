/** Compiles one exclusion into nft rules. Pure, and lets nothing but checked numbers and one IPv4 address into their text. */
import { isIPv4 } from "node:net";
import { checkedInteger } from "./checked-integer.ts";
import type { Exclusion } from "./network-isolation.ts";

/** `stateless…` pass both ways; `directed…` look at who opened the connection. */
export type ExclusionRules = {
  statelessIn: string[];
  statelessOut: string[];
  directedIn: string[];
  directedOut: string[];
  /** What the host sends, whoever opened: for hooks that know nothing of connections. */
  anyOut: string;
};

/** Throws RangeError for what the wish's schema or findFault would have refused. */
export function compileExclusion(exclusion: Exclusion): ExclusionRules {
  const { direction, protocol } = exclusion;
  const remote = exclusion.remoteAddress;
  if (typeof remote !== "string" || !isIPv4(remote))
    throw new RangeError("an exclusion's remote address must be one IPv4 address");
  const local = exclusion.localPorts;
  const far = exclusion.remotePorts;
  const transport = protocol === null ? "" : ` meta l4proto ${checkedInteger(protocol, 0, 255)}`;
  const incoming = `ip saddr ${remote}${transport}${portMatch("sport", far, protocol)}${portMatch("dport", local, protocol)}`;
  const outgoing = `ip daddr ${remote}${transport}${portMatch("sport", local, protocol)}${portMatch("dport", far, protocol)}`;
  const none = { statelessIn: [], statelessOut: [], directedIn: [], directedOut: [], anyOut: `${outgoing} accept` };
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
  const from = checkedInteger(ports.from, 0, 65535);
  const to = checkedInteger(ports.to, from, 65535);
  return ` th ${field} ${from === to ? from : `${from}-${to}`}`;
}
