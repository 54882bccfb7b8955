/**
 * Stops frames that programs with root rights put on a device past the kernel's IP stack (AF_PACKET), which no inet hook
 * sees: an egress chain for each device. Optional, as it also stops whatever else a host speaks that is not IP.
 */
import { readdirSync } from "node:fs";
import { type CompiledRuleset, endpointSets, linkRules, timeoutText } from "./nftables-ruleset.ts";

const frameTable = "cordon_isolation_frames";
/** Names that can stand in nft's text; any other is left out, and told of. */
const safeName = /^[A-Za-z0-9_.:-]{1,15}$/;

/** Takes the chains away, where there are any. */
export const liftFramesText = `add table netdev ${frameTable}
delete table netdev ${frameTable}
`;

type Nft = {
  load(text: string): Promise<{ succeeded: true } | { succeeded: false; failure: { detail: string } }>;
  list(table: string): Promise<string | null>;
};

export function createRawFrameBlock(nft: Nft) {
  let held: { devices: string[]; ruleset: CompiledRuleset } | null = null;

  const block = {
    /** Null: every device has its chain, as read back. Else what is not blocked, and why. */
    async apply(ruleset: CompiledRuleset, remainingSec: number): Promise<string | null> {
      const devices = listDevices();
      const named = devices.filter((device) => safeName.test(device));
      const loaded = await nft.load(framesText(ruleset, named, remainingSec));
      held = { devices, ruleset };
      if (!loaded.succeeded) return `raw frames are not blocked: ${loaded.failure.detail}`;
      const listing = await nft.list(`netdev ${frameTable}`);
      const open = devices.filter((device) => !blockedIn(listing).includes(device));
      return open.length === 0 ? null : `raw frames are not blocked on ${open.join(", ")}`;
    },
    /** Whether a device came or went since, or somebody took the chains away. */
    async isStale(): Promise<boolean> {
      if (held === null) return false;
      const listing = await nft.list(`netdev ${frameTable}`);
      return listing === null || listDevices().join() !== held.devices.join();
    },
    async lift() {
      if (held === null) return;
      held = null;
      await nft.load(liftFramesText);
    },
  };
  return block;
}

function listDevices(): string[] {
  return readdirSync("/sys/class/net")
    .filter((name) => name !== "lo" && name !== "bonding_masters")
    .sort();
}

function framesText({ endpoints, excludedOut }: CompiledRuleset, devices: string[], remainingSec: number): string {
  const timeout = timeoutText(remainingSec);
  const chains = devices.map(
    (device, index) => `  chain device_${index} {
    type filter hook egress device "${device}" priority 0; policy accept;
    oifname @active jump frames
  }
`,
  );
  return `${liftFramesText}table netdev ${frameTable} {
  set active {
    type ifname
    flags timeout
    ${devices.length === 0 ? "" : `elements = { ${devices.map((device) => `"${device}" timeout ${timeout}`).join(", ")} }`}
  }
${endpointSets(endpoints)}
  counter blocked_frames { }
  chain frames {
    meta protocol arp accept
    # 802.1X: without it a switch shuts the port.
    meta protocol 0x888e accept
    ${linkRules.map(forDevice).join("\n    ")}
    ${excludedOut.join("\n    ")}
    counter name blocked_frames drop
  }
${chains.join("")}}
`;
}

/** In this family nfproto is always netdev; what a frame carries is its protocol. */
function forDevice(rule: string): string {
  return rule.replace("meta nfproto ipv4", "meta protocol ip").replace("meta nfproto ipv6", "meta protocol ip6");
}

/** Devices whose timer runs. */
function blockedIn(listing: string | null): string[] {
  type Listing = { nftables?: { set?: { name?: string; elem?: { elem?: { val?: string } }[] } }[] };
  // nft's own words; what has another form names no device.
  const { nftables = [] } = JSON.parse(listing ?? "{}") as Listing;
  return nftables.flatMap(({ set }) =>
    set?.name === "active" ? (set.elem ?? []).flatMap(({ elem }) => elem?.val ?? []) : [],
  );
}
