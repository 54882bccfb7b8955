/** An exclusion as a person types it, and as it is ordered. */
import type { ConsoleReply } from "@cordon/contract/console-api";
import { NetworkIsolationWish, networkIsolation } from "@cordon/response-actions";

export type Exclusion = ConsoleReply<"getIsolationRule">["exclusions"][number];
export type Direction = Exclusion["direction"];
export type ExclusionDraft = {
  /** Tells drafts apart while they are edited. */
  key: number;
  direction: Direction;
  protocol: string;
  remoteAddress: string;
  localPorts: string;
  remotePorts: string;
};
export type DraftFault = { field: "protocol" | "remoteAddress" | "localPorts" | "remotePorts"; why: DraftReason };
export type DraftReason = "address" | "protocol" | "ports" | "portsNeedProtocol";

/** Names that people know, of the numbers that IANA gave. Every other protocol is said by its number. */
export const protocolNumbers: Readonly<Record<string, number>> = {
  icmp: 1,
  igmp: 2,
  ipip: 4,
  tcp: 6,
  udp: 17,
  dccp: 33,
  gre: 47,
  esp: 50,
  ah: 51,
  ospf: 89,
  pim: 103,
  vrrp: 112,
  l2tp: 115,
  sctp: 132,
  udplite: 136,
};

/** The action's own, so that both always take the same addresses. */
const { pattern } = NetworkIsolationWish.properties.exclusions.items.properties.remoteAddress as { pattern?: string };
const ipv4 = new RegExp(pattern ?? "^$");

/** `null`: every protocol; `undefined`: neither a name nor a number. */
export function parseProtocol(text: string): number | null | undefined {
  const word = text.trim().toLowerCase();
  if (word === "") return null;
  if (Object.hasOwn(protocolNumbers, word)) return protocolNumbers[word];
  return /^\d{1,3}$/.test(word) && Number(word) <= 255 ? Number(word) : undefined;
}

/** Such as `TCP`, or `protocol 99`'s number where it has no name here. Null: every protocol. */
export function protocolText(protocol: number | null): string | null {
  if (protocol === null) return null;
  const name = Object.entries(protocolNumbers).find(([, number]) => number === protocol)?.[0];
  return name?.toUpperCase() ?? String(protocol);
}

type Ports = { from: number; to: number };

/** `null`: all; `undefined`: neither a port nor a range. */
export function parsePorts(text: string): Ports | null | undefined {
  const word = text.replaceAll(/\s/g, "");
  if (word === "") return null;
  const [, first, last] = /^(\d{1,5})(?:[-–](\d{1,5}))?$/.exec(word) ?? [];
  if (first === undefined) return undefined;
  const from = Number(first);
  const to = last === undefined ? from : Number(last);
  return from <= to && to <= 65535 ? { from, to } : undefined;
}

export const portsText = (ports: Ports | null) =>
  ports === null ? "" : ports.from === ports.to ? String(ports.from) : `${ports.from}-${ports.to}`;

/** What keeps a draft from being ordered: the first thing, or null. */
export function draftFault(draft: ExclusionDraft): DraftFault | null {
  const protocol = parseProtocol(draft.protocol);
  if (protocol === undefined) return { field: "protocol", why: "protocol" };
  if (!ipv4.test(draft.remoteAddress.trim())) return { field: "remoteAddress", why: "address" };
  if (draft.direction === "both") return null;
  for (const field of ["localPorts", "remotePorts"] as const) {
    const ports = parsePorts(draft[field]);
    if (ports === undefined) return { field, why: "ports" };
    if (ports !== null && breaksTheRules(draft)) return { field, why: "portsNeedProtocol" };
  }
  return null;
}

/** By the check that the Central Node makes: it knows which protocols have ports. */
function breaksTheRules(draft: ExclusionDraft): boolean {
  const wish = { autoTurnoffTimeoutInSec: 3600, exclusions: [exclusionOf(draft)] };
  return networkIsolation.findFault(wish) !== null;
}

/** Of a draft without a fault. Ports go with one direction only: with `both` none are ordered, whatever was typed before. */
export function exclusionOf(draft: ExclusionDraft): Exclusion {
  const isBoth = draft.direction === "both";
  return {
    direction: draft.direction,
    protocol: parseProtocol(draft.protocol) ?? null,
    remoteAddress: draft.remoteAddress.trim(),
    localPorts: isBoth ? null : (parsePorts(draft.localPorts) ?? null),
    remotePorts: isBoth ? null : (parsePorts(draft.remotePorts) ?? null),
  };
}

export function draftOf(exclusion: Exclusion, key: number): ExclusionDraft {
  return {
    key,
    direction: exclusion.direction,
    protocol: protocolText(exclusion.protocol)?.toLowerCase() ?? "",
    remoteAddress: exclusion.remoteAddress,
    localPorts: portsText(exclusion.localPorts),
    remotePorts: portsText(exclusion.remotePorts),
  };
}
