/** Confirm or revert: whether rules that stand for a trial may stay. See docs/decisions/0010-confirm-or-revert.md. */
import type { Reachability } from "../kit/enforcer.ts";
import type { NetworkIsolationWish } from "./network-isolation.ts";
import type { CompiledRuleset } from "./nftables-ruleset.ts";
import { findPassed } from "./refusal-probe.ts";

/** Null: confirmed. `called-off`: nobody waits for the answer. Else what speaks against it. */
export async function findDoubt({
  ruleset,
  wish,
  withinMs,
  proveReachable,
}: {
  ruleset: CompiledRuleset;
  wish: NetworkIsolationWish;
  withinMs: number;
  proveReachable(withinMs: number): Promise<Reachability>;
}): Promise<{ doubt: string } | "called-off" | null> {
  const passed = await findPassed([...ruleset.endpoints.ipv4, ...ruleset.endpoints.ipv6], wish.exclusions);
  if (passed.length > 0) return { doubt: `a packet to ${passed.join(", ")} that the rules should refuse was sent` };
  const reachability = await proveReachable(withinMs);
  if (reachability === "called-off") return "called-off";
  if (reachability === "reached") return null;
  return { doubt: `the Central Node did not answer within ${Math.round(withinMs / 1000)} s behind the rules` };
}

const [shortestPauseSec, longestPauseSec] = [120, 3600];

/** How long to wait after the given number of trials that failed: a host is cut off in vain for as long as one takes. */
export function pauseAfterSec(failedTrials: number): number {
  return Math.min(shortestPauseSec * 2 ** (failedTrials - 1), longestPauseSec);
}
