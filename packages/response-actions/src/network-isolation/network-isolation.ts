import { type Static, Type } from "typebox";
import type { SettingAction } from "../kit/response-action.ts";

const PortRange = Type.Object({
  from: Type.Integer({ minimum: 0, maximum: 65535 }),
  to: Type.Integer({ minimum: 0, maximum: 65535 }),
});

const ipv4Address = "^((25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])(\\.(?!$)|$)){4}$";

/** What stays reachable while a host is isolated. */
export const Exclusion = Type.Object({
  /** Who opens the connection: the remote side (`inbound`), this host (`outbound`), or either. */
  direction: Type.Union([Type.Literal("inbound"), Type.Literal("outbound"), Type.Literal("both")]),
  /** IANA protocol number; null: every protocol. */
  protocol: Type.Union([Type.Integer({ minimum: 0, maximum: 255 }), Type.Null()], {
    rule: "must be an integer from 0 to 255",
  }),
  remoteAddress: Type.String({ pattern: ipv4Address, rule: "must be one dotted IPv4 address" }),
  localPorts: Type.Union([PortRange, Type.Null()]),
  remotePorts: Type.Union([PortRange, Type.Null()]),
});
export type Exclusion = Static<typeof Exclusion>;

export const NetworkIsolationWish = Type.Object({
  /** Seconds from the order until the host is released by itself: 1 to 9,999 hours. */
  autoTurnoffTimeoutInSec: Type.Integer({ minimum: 3600, maximum: 35_996_400 }),
  exclusions: Type.Array(Exclusion, { maxItems: 1000 }),
});
export type NetworkIsolationWish = Static<typeof NetworkIsolationWish>;

/** Protocols whose header starts with a source and a destination port: TCP, UDP, DCCP, SCTP, UDP-Lite. */
const protocolsWithPorts: readonly number[] = [6, 17, 33, 132, 136];

export const networkIsolation = {
  kind: "setting",
  name: "network-isolation",
  summary: "Cuts a host off the network, but for the Central Node and what is excluded, until a time",
  scopes: ["host"],
  wish: NetworkIsolationWish,
  findFault(wish: NetworkIsolationWish) {
    for (const [index, exclusion] of wish.exclusions.entries()) {
      for (const side of ["localPorts", "remotePorts"] as const) {
        const ports = exclusion[side];
        if (ports === null) continue;
        const path = ["exclusions", index, side];
        if (exclusion.direction === "both") {
          return {
            path,
            rule: 'must not be given with direction "both": ports need a direction, inbound or outbound',
            value: ports,
          };
        }
        if (exclusion.protocol === null || !protocolsWithPorts.includes(exclusion.protocol)) {
          return {
            path,
            rule: `must not be given without a protocol that has ports (${protocolsWithPorts.join(", ")})`,
            value: ports,
          };
        }
        if (ports.from > ports.to) return { path, rule: "must not end before it starts", value: ports };
      }
    }
    return null;
  },
  lifetimeSec: (wish: NetworkIsolationWish) => wish.autoTurnoffTimeoutInSec,
  failures: {
    NFT_MISSING: "the nft program is not installed on the host",
    NFT_REFUSED: "the kernel or nft refused the rules; nothing was changed",
    READ_BACK_DIFFERS: "the rules read back from the kernel are not the ones that were ordered",
    CENTRAL_NODE_UNRESOLVED: "the Central Node's address could not be resolved, so isolating would lose the host",
    NOT_CONFIRMED: "the Central Node could not be reached behind the rules, so they were taken back; it is tried again",
    TAMPERED: "another program on the host took the rules away; they were applied again",
    EXCLUSION_BLOCKED: "another firewall on the host blocks what an exclusion should let through",
  },
} as const satisfies SettingAction;
export type NetworkIsolationFailure = keyof typeof networkIsolation.failures;
