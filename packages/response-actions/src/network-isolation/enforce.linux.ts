/**
 * Makes network isolation true on Linux: an nftables table of our own, whose end is the kernel's timer, and a twin of it that
 * no other program can flush. New rules are on trial until the Central Node was reached behind them.
 */

import type { Effect, Reachability, RefusedPart, SettingEnforcer } from "../kit/enforcer.ts";
import { isolationAbility } from "./enforce-ability.linux.ts";
import { findBlocked } from "./exclusion-probe.ts";
import { detailOf } from "./isolation-detail.ts";
import type { IsolationTable } from "./isolation-table.ts";
import { findDoubt, pauseAfterSec } from "./isolation-trial.ts";
import type { NetworkIsolationFailure, NetworkIsolationWish } from "./network-isolation.ts";
import { createNft, type NftOptions, readBackDiffers } from "./nft.ts";
import { createNftMonitor } from "./nft-monitor.ts";
import {
  type CompiledRuleset,
  compileRuleset,
  confirmedText,
  ownedTable,
  renewalText,
  settledText,
  tableText,
  timeoutText,
} from "./nftables-ruleset.ts";
import { atMostEvery } from "./notice.ts";
import { createRawFrameBlock, liftFramesText } from "./raw-frames.ts";
import { createSavedIsolation, type Tampering } from "./saved-isolation.ts";

export type IsolationOptions = NftOptions & {
  /** Also stops frames that bypass the IP stack; off by default. */
  blockRawFrames?: boolean;
  /** How long new rules stand until the Central Node was reached behind them; 60 s by default. */
  trialSec?: number;
  /** Milliseconds since 1970 by the host's clock. */
  wallMs?: () => number;
};

type IsolationEffect = Effect<NetworkIsolationFailure>;
type Order = {
  wish: NetworkIsolationWish;
  ruleset: CompiledRuleset;
  /** By the monotonic clock. */
  endsAtMs: number;
  proveReachable(withinMs: number): Promise<Reachability>;
};

/** nft tells the time left in whole seconds, and an order is a while on its way: ends closer than this are the same. */
const sameEndWithinSec = 2.5;
/** Of a trial's time: what is left of it must do for the report that it failed, and for the next order. */
const proofShare = 0.75;

/**
 * The `detail` of an isolation in effect says what stands in the kernel: exclusions, the Central Node's endpoints, what is
 * cut, packets refused. `enforce` throws RangeError for a wish that findFault would have refused.
 */
export function createNetworkIsolationEnforcer(
  options: IsolationOptions = {},
): SettingEnforcer<NetworkIsolationWish, NetworkIsolationFailure> {
  const { trialSec = 60, wallMs = Date.now, directory } = options;
  let tell = () => {};
  const noticed = atMostEvery(250, () => tell());
  const nft = createNft(options, noticed);
  const monitor = createNftMonitor({ findProgram: nft.find, noticed });
  const frames = options.blockRawFrames === true ? createRawFrameBlock(nft) : null;
  const saved = directory === undefined ? null : createSavedIsolation({ directory, wallMs });
  /** How the kernel lists the rules last found whole. Until then the mark and the count of rules must do. */
  let known: { digest: string; fingerprint: string } | null = null;
  /** What we put in force, and until when; "unknown": nothing yet, but an earlier agent may have. */
  let standing: { ruleset: CompiledRuleset; endsAtMs: number } | "unknown" | null = "unknown";
  /** The endpoints behind which the Central Node was reached, in this isolation. */
  let proven: string | null = null;
  let tampering: Tampering | null = null;
  let blocked: RefusedPart[] = [];
  let framesFault: string | null = null;
  let failedTrials = 0;

  function isWhole(table: IsolationTable): boolean {
    if (table.mark === null || table.rules !== table.mark.rules) return false;
    return known?.digest !== table.mark.digest || known.fingerprint === table.fingerprint;
  }

  function holds(table: IsolationTable | null, wanted: CompiledRuleset): table is IsolationTable {
    if (table === null || table.remainingSec === null || table.families.length !== 2) return false;
    const sameEndpoints = table.centralNode.join() === wanted.centralNode.join();
    return isWhole(table) && table.mark?.digest === wanted.mark.digest && sameEndpoints;
  }

  /** Our isolation, if its time is not over: then whatever is missing was taken away. */
  function due(): CompiledRuleset | null {
    if (standing === "unknown" || standing === null) return null;
    // The kernel's end and ours may lie a moment apart.
    return performance.now() < standing.endsAtMs - 1500 ? standing.ruleset : null;
  }

  async function isolate(order: Order): Promise<IsolationEffect> {
    const { ruleset } = order;
    if (standing === "unknown") takeUpSaved(ruleset);
    if (standing === "unknown" || standing?.ruleset.mark.digest === ruleset.mark.digest) {
      const before = await nft.read();
      if (!before.succeeded) return before.failure;
      if (holds(before.table, ruleset)) return keep(order, before.table);
      if (due() !== null) {
        tampering = { times: (tampering?.times ?? 0) + 1, lastAt: new Date(wallMs()).toISOString() };
      }
    }
    const isProven = proven === ruleset.centralNode.join();
    const forSec = isProven ? leftSec(order) : Math.min(trialSec, leftSec(order));
    const timeout = timeoutText(forSec);
    const applied = await nft.apply({
      owned: tableText(ruleset, { timeout, confirmed: false, owned: true }),
      plain: tableText(ruleset, { timeout, confirmed: isProven, owned: false }),
    });
    if (!applied.succeeded) return applied.failure;
    known = null;
    return settle(order, applied.table, forSec, isProven);
  }

  /** The rules stand already: from before a restart, loaded by the boot, or ordered again with another end. */
  async function keep(order: Order, table: IsolationTable): Promise<IsolationEffect> {
    const isProven = table.confirmed || proven === order.ruleset.centralNode.join();
    const heldSec = table.remainingSec ?? 0;
    // A trial goes on and is not begun anew: an agent that dies in each one must not keep a host cut off.
    const isOnTrial = !isProven && heldSec <= trialSec;
    const isKept = isOnTrial || isSameEnd(heldSec, leftSec(order));
    const forSec = isKept ? Math.max(heldSec, 1) : leftSec(order);
    const timeout = timeoutText(forSec);
    // Only the timer: loading the rules again would cut excluded connections, and count refused packets from 0.
    const plain = isKept ? "" : renewalText(forSec);
    const renewedTwin = isKept ? "" : renewalText(forSec, ownedTable);
    const owned = nft.ownsTwin() ? renewedTwin : tableText(order.ruleset, { timeout, confirmed: false, owned: true });
    const applied = plain + owned === "" ? { succeeded: true as const, table } : await nft.apply({ owned, plain });
    if (!applied.succeeded) return applied.failure;
    return settle(order, applied.table, forSec, isProven || !isOnTrial);
  }

  /** Ends what connection tracking knows from before, where an exclusion looks at it, and confirms what is on trial. */
  async function settle(
    order: Order,
    loaded: IsolationTable | null,
    forSec: number,
    isProven: boolean,
  ): Promise<IsolationEffect> {
    const { ruleset, wish } = order;
    standing = { ruleset, endsAtMs: performance.now() + forSec * 1000 };
    monitor.start();
    let table = loaded;
    if (table?.settled === false && (await nft.flushConnections())) {
      const marked = await nft.apply({ owned: "", plain: settledText });
      if (!marked.succeeded) return marked.failure;
      table = marked.table;
    }
    if (!holds(table, ruleset)) return readBackDiffers("other rules stand in the kernel");
    known = { digest: ruleset.mark.digest, fingerprint: table.fingerprint };
    framesFault = (await frames?.apply(ruleset, forSec)) ?? null;
    // What ends within a trial's time needs none: its own end is the revert.
    if (!isProven && leftSec(order) > forSec) return confirm(order, forSec);
    blocked = await findBlocked(wish.exclusions, nft);
    if (isProven) stay(ruleset, table);
    return describe(table);
  }

  async function confirm(order: Order, forSec: number): Promise<IsolationEffect> {
    const { ruleset, wish } = order;
    const answer = await findDoubt({ ...order, withinMs: forSec * proofShare * 1000 });
    if (answer === "called-off") {
      return { state: "failed", reason: "NOT_CONFIRMED", detail: "something newer was ordered meanwhile" };
    }
    if (answer !== null) {
      failedTrials += 1;
      // The kernel would do it, a little later.
      const lifted = await lift();
      const reverted = lifted.state === "lifted" ? "the host is open again" : "the kernel will open the host again";
      const retryAfterSec = pauseAfterSec(failedTrials);
      const detail = `${answer.doubt}; ${reverted}, and it is tried again after ${retryAfterSec} s`;
      return { state: "failed", reason: "NOT_CONFIRMED", detail, retryAfterSec };
    }
    const remainingSec = leftSec(order);
    const extended = await nft.apply({
      owned: nft.ownsTwin() ? renewalText(remainingSec, ownedTable) : "",
      plain: renewalText(remainingSec) + confirmedText,
    });
    if (!extended.succeeded) return extended.failure;
    if (!holds(extended.table, ruleset)) return readBackDiffers("other rules stand in the kernel after the trial");
    standing = { ruleset, endsAtMs: order.endsAtMs };
    framesFault = (await frames?.apply(ruleset, remainingSec)) ?? null;
    blocked = await findBlocked(wish.exclusions, nft);
    stay(ruleset, extended.table);
    return describe(extended.table);
  }

  /** Confirmed: from now on it outlives a reboot, too. */
  function stay(ruleset: CompiledRuleset, table: IsolationTable) {
    proven = ruleset.centralNode.join();
    failedTrials = 0;
    saved?.write(ruleset, table.remainingSec ?? 0, tampering);
  }

  /** What an earlier agent confirmed needs no second trial: losing it because no Central Node is there now would be a hole. */
  function takeUpSaved(ruleset: CompiledRuleset) {
    const earlier = saved?.read() ?? null;
    proven = earlier?.centralNode.join() ?? null;
    if (earlier?.digest === ruleset.mark.digest) tampering = earlier.tampering;
  }

  async function lift(): Promise<IsolationEffect> {
    saved?.remove();
    monitor.stop();
    // Where the kernel has no such chains there is nothing to take away.
    await nft.load(liftFramesText);
    const lifted = await nft.lift();
    if (!lifted.succeeded) return lifted.failure;
    [standing, proven, known, tampering, blocked, framesFault] = [null, null, null, null, [], null];
    return lifted.table === null ? { state: "lifted" } : readBackDiffers("the rules stand in the kernel again");
  }

  function describe(table: IsolationTable): IsolationEffect {
    if (table.remainingSec === null) return { state: "lifted" };
    if (!isWhole(table)) return readBackDiffers("the rules in the kernel are not as they were loaded");
    if (table.families.length !== 2) return readBackDiffers(`only ${table.families.join()} is cut`);
    const unguarded = nft.ownsTwin() ? null : nft.whyNoTwin();
    const reason = tampering !== null ? "TAMPERED" : "EXCLUSION_BLOCKED";
    return {
      state: "in-effect",
      detail: detailOf(table, { tampering, blocked, unguarded, frames: framesFault }),
      remainingSec: table.remainingSec,
      ...(blocked.length === 0 ? {} : { refused: blocked }),
      ...(tampering === null && blocked.length === 0 ? {} : { reason }),
    };
  }

  return {
    ability: () => isolationAbility(nft),
    watch(told) {
      tell = told;
      void nft.ready();
    },
    async enforce({ wish, remainingSec, centralNode, proveReachable }) {
      if (wish === null || (remainingSec !== null && remainingSec <= 0)) {
        failedTrials = 0;
        return lift();
      }
      if (centralNode.length === 0) {
        return {
          state: "failed",
          reason: "CENTRAL_NODE_UNRESOLVED",
          detail: "no address of the Central Node is known",
        };
      }
      // An isolation always ends: without an end in the order, after its own full time.
      const untilEndSec = remainingSec ?? wish.autoTurnoffTimeoutInSec;
      const ruleset = compileRuleset({ wish, centralNode });
      return isolate({ wish, ruleset, endsAtMs: performance.now() + untilEndSec * 1000, proveReachable });
    },
    async readBack() {
      const now = await nft.read();
      if (!now.succeeded) return now.failure;
      const ours = due();
      if (ours !== null && !holds(now.table, ours))
        return readBackDiffers("another program changed or took the rules away");
      if (now.table === null) return { state: "lifted" };
      if (ours !== null && !nft.ownsTwin() && nft.whyNoTwin() === null)
        return readBackDiffers("the twin table is gone");
      if (ours !== null && (await frames?.isStale()) === true) return readBackDiffers("network devices came or went");
      if (ours !== null && proven !== null) saved?.refresh(now.table.remainingSec ?? 0);
      return describe(now.table);
    },
    async close() {
      monitor.stop();
      await nft.close();
    },
  };
}

function leftSec(order: Order): number {
  return Math.max((order.endsAtMs - performance.now()) / 1000, 0.001);
}

function isSameEnd(tableSec: number, remainingSec: number): boolean {
  // The kernel's number is rounded down: half a second more is its middle.
  return Math.abs(tableSec + 0.5 - remainingSec) <= sameEndWithinSec;
}
