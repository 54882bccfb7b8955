import { isIPv4 } from "node:net";
import { failure } from "@cordon/terminal";
import type { Exclusion, Ports } from "../wire.ts";

/** IANA protocol numbers by the names that people use. */
const protocols: Readonly<Record<string, number>> = {
  icmp: 1,
  igmp: 2,
  tcp: 6,
  udp: 17,
  dccp: 33,
  gre: 47,
  esp: 50,
  ah: 51,
  ospf: 89,
  sctp: 132,
  udplite: 136,
};
/** Those whose header starts with two ports; the Response API takes ports with no other. */
const protocolsWithPorts = [protocols.tcp, protocols.udp, protocols.dccp, protocols.sctp, protocols.udplite];

const directions = { in: "inbound", out: "outbound", both: "both" } as const;

export const allowHelp = [
  "--allow DIRECTION:PROTOCOL:ADDRESS[:PORTS]",
  "  DIRECTION  who opens the connection: in (the other side), out (the isolated host) or both",
  `  PROTOCOL   ${Object.keys(protocols).join(", ")},`,
  "             an IANA number (0-255), or any",
  "  ADDRESS    the other side: one IPv4 address. Names, networks and IPv6 cannot be excluded",
  "  PORTS      a port or a range a-b: with out the other side's, with in the isolated host's own.",
  "             Not with both (whose ports would they be? give in and out, one each), and only with",
  "             tcp, udp, dccp, sctp or udplite",
].join("\n");

export function parseAllow(text: string): Exclusion {
  const wrong = (why: string) =>
    failure("USAGE", `--allow ${text}: ${why}`, {
      advice: "It is DIRECTION:PROTOCOL:ADDRESS[:PORTS], such as out:tcp:10.0.0.5:443. See: cordon host isolate --help",
    });
  const [directionWord = "", protocolWord = "", address = "", portsWord, ...rest] = text.split(":");
  const direction = Object.hasOwn(directions, directionWord)
    ? directions[directionWord as keyof typeof directions]
    : undefined;
  if (direction === undefined) throw wrong(`the direction must be in, out or both, not "${directionWord}"`);
  const protocol = parseProtocol(protocolWord);
  if (protocol === undefined) throw wrong(`there is no protocol "${protocolWord}"`);
  if (rest.length > 0) throw wrong("too many parts; an address must be IPv4");
  if (!isIPv4(address)) throw wrong(`the address must be one IPv4 address, not "${address}"`);
  if (portsWord === undefined)
    return { direction, protocol, remoteAddress: address, localPorts: null, remotePorts: null };

  if (direction === "both") throw wrong("ports do not go with both: whose would they be? Give in and out, one each");
  if (protocol === null || !protocolsWithPorts.includes(protocol)) throw wrong(`${protocolWord} has no ports`);
  const ports = parsePorts(portsWord);
  if (ports === null) throw wrong(`ports must be a or a-b from 0 to 65535, not "${portsWord}"`);
  return direction === "inbound"
    ? { direction, protocol, remoteAddress: address, localPorts: ports, remotePorts: null }
    : { direction, protocol, remoteAddress: address, localPorts: null, remotePorts: ports };
}

/** As it is typed for --allow. */
export function formatExclusion({ direction, protocol, remoteAddress, localPorts, remotePorts }: Exclusion): string {
  const directionWord = { inbound: "in", outbound: "out", both: "both" }[direction];
  const name = Object.entries(protocols).find(([, number]) => number === protocol)?.[0];
  const ports = localPorts ?? remotePorts;
  const portsWord = ports === null ? "" : `:${ports.from === ports.to ? ports.from : `${ports.from}-${ports.to}`}`;
  return `${directionWord}:${name ?? protocol ?? "any"}:${remoteAddress}${portsWord}`;
}

/** Null: every protocol. Undefined: no such protocol. */
function parseProtocol(word: string): number | null | undefined {
  const name = word.toLowerCase();
  if (name === "any") return null;
  if (Object.hasOwn(protocols, name)) return protocols[name];
  return /^\d{1,3}$/.test(name) && Number(name) <= 255 ? Number(name) : undefined;
}

function parsePorts(word: string): Ports | null {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(word);
  if (match === null) return null;
  const from = Number(match[1]);
  const to = Number(match[2] ?? match[1]);
  return from <= to && to <= 65_535 ? { from, to } : null;
}
