/** Makes network isolation true on Linux: one nftables table of our own, whose end is the kernel's timer. */
import type { Ability, Effect, SettingEnforcer } from "../kit/enforcer.ts";
import type { IsolationTable } from "./isolation-table.ts";
import type { NetworkIsolationFailure, NetworkIsolationWish } from "./network-isolation.ts";
import { createNft, type NftOptions, readBackDiffers } from "./nft.ts";
import { type CompiledRuleset, compileRenewal, compileRuleset, liftText, settledText } from "./nftables-ruleset.ts";

type IsolationEffect = Effect<NetworkIsolationFailure>;

/** nft tells the time left in whole seconds, and an order is a while on its way: ends closer than this are the same. */
const sameEndWithinSec = 2.5;

/**
 * The `detail` of an isolation in effect says what stands in the kernel: exclusions, the Central Node's endpoints, what is
 * cut, packets refused. `enforce` throws RangeError for a wish that findFault would have refused.
 */
export function createNetworkIsolationEnforcer(
  options: NftOptions = {},
): SettingEnforcer<NetworkIsolationWish, NetworkIsolationFailure> {
  const nft = createNft(options);
  /** How the kernel lists the rules last found whole. Until then the mark and the count of rules must do. */
  let known: { digest: string; fingerprint: string } | null = null;

  function isWhole(table: IsolationTable): boolean {
    if (table.mark === null || table.rules !== table.mark.rules) return false;
    return known?.digest !== table.mark.digest || known.fingerprint === table.fingerprint;
  }

  function holds(table: IsolationTable, wanted: CompiledRuleset): boolean {
    const sameEndpoints = table.centralNode.join() === wanted.centralNode.join();
    return isWhole(table) && table.mark?.digest === wanted.mark.digest && sameEndpoints;
  }

  async function isolate(wanted: CompiledRuleset, remainingSec: number): Promise<IsolationEffect> {
    const before = await nft.read();
    if (!before.succeeded) return before.failure;
    const { table } = before;
    if (table !== null && table.remainingSec !== null && table.families.length === 2 && holds(table, wanted)) {
      if (isSameEnd(table.remainingSec, remainingSec)) return settle(wanted);
      // Only the timer: loading the rules again would cut excluded connections, and count refused packets from 0.
      const renewed = await nft.load(compileRenewal(remainingSec));
      return renewed.succeeded ? settle(wanted) : renewed.failure;
    }
    const loaded = await nft.load(wanted.text);
    if (!loaded.succeeded) return loaded.failure;
    known = null;
    return settle(wanted);
  }

  /** Ends what connection tracking knows from before, where an exclusion looks at it, and reads back what holds then. */
  async function settle(wanted: CompiledRuleset): Promise<IsolationEffect> {
    let now = await nft.read();
    if (now.succeeded && now.table?.settled === false && (await nft.flushConnections())) {
      const marked = await nft.load(settledText);
      if (!marked.succeeded) return marked.failure;
      now = await nft.read();
    }
    if (!now.succeeded) return now.failure;
    if (now.table === null || !holds(now.table, wanted)) return readBackDiffers("other rules stand in the kernel");
    known = { digest: wanted.mark.digest, fingerprint: now.table.fingerprint };
    return describe(now.table);
  }

  function describe(table: IsolationTable): IsolationEffect {
    if (table.remainingSec === null) return { state: "lifted" };
    if (!isWhole(table)) return readBackDiffers("the rules in the kernel are not as they were loaded");
    if (table.families.length !== 2) return readBackDiffers(`only ${table.families.join()} is cut`);
    return { state: "in-effect", detail: detailOf(table), remainingSec: table.remainingSec };
  }

  return {
    ability: () => ability(nft),
    async enforce({ wish, remainingSec, centralNode }) {
      if (wish === null || (remainingSec !== null && remainingSec <= 0)) return lift(nft);
      if (centralNode.addresses.length === 0) {
        return {
          state: "failed",
          reason: "CENTRAL_NODE_UNRESOLVED",
          detail: "no address of the Central Node is known",
        };
      }
      // An isolation always ends: without an end in the order, after its own full time.
      const untilEndSec = remainingSec ?? wish.autoTurnoffTimeoutInSec;
      return isolate(compileRuleset({ wish, remainingSec: untilEndSec, centralNode }), untilEndSec);
    },
    async readBack() {
      const now = await nft.read();
      if (!now.succeeded) return now.failure;
      return now.table === null ? { state: "lifted" } : describe(now.table);
    },
    async close() {},
  };
}

/** Break-glass: opens the network again, whoever isolated the host and whether or not an agent lives. Needs root rights. */
export function releaseIsolation(options: NftOptions = {}): Promise<IsolationEffect> {
  return lift(createNft(options));
}

type Nft = ReturnType<typeof createNft>;

async function lift(nft: Nft): Promise<IsolationEffect> {
  const loaded = await nft.load(liftText);
  if (!loaded.succeeded) return loaded.failure;
  const now = await nft.read();
  if (!now.succeeded) return now.failure;
  return now.table === null ? { state: "lifted" } : readBackDiffers("the rules stand in the kernel again");
}

async function ability(nft: Nft): Promise<Ability> {
  if (process.geteuid?.() !== 0) return { able: false, why: "the agent does not run as root" };
  const trial = compileRuleset({
    wish: {
      autoTurnoffTimeoutInSec: 3600,
      // With a direction, so that the kernel's connection tracking is tried too.
      exclusions: [
        { direction: "outbound", protocol: 6, remoteAddress: "192.0.2.1", localPorts: null, remotePorts: null },
      ],
    },
    remainingSec: 3600,
    centralNode: { addresses: ["192.0.2.1", "2001:db8::1"], port: 443 },
  });
  const checked = await nft.check(trial.text);
  return checked.succeeded ? { able: true } : { able: false, why: checked.failure.detail };
}

function isSameEnd(tableSec: number, remainingSec: number): boolean {
  // The kernel's number is rounded down: half a second more is its middle.
  return Math.abs(tableSec + 0.5 - remainingSec) <= sameEndWithinSec;
}

function detailOf(table: IsolationTable): string {
  const count = table.mark?.exclusions ?? 0;
  const exclusions = `${count} ${count === 1 ? "exclusion" : "exclusions"}`;
  const unsettled = table.settled
    ? ""
    : "; conntrack could not be run, so a TCP connection from before may go on where an exclusion names its remote address";
  return `${exclusions}, Central Node ${table.centralNode.join(", ")}, IPv4 and IPv6 cut; ${table.refusedPackets} ${table.refusedPackets === 1 ? "packet" : "packets"} refused so far${unsettled}`;
}
