import { formatDuration } from "@cordon/terminal";
import type { SettingSummary } from "./journal/setting-summary.ts";

/** What holds on this host, or may hold: whoever is about to take the agent away must know of the latter too. */
export function settingsInForce(settings: readonly SettingSummary[]): SettingSummary[] {
  return settings.filter((setting) => setting.isWished && setting.remainingSec !== 0);
}

/** One line for people: `network-isolation in effect for another 1 h; prevention (all) failed: NFT_MISSING`. */
export function describeInForce(settings: readonly SettingSummary[]): string {
  const parts = settingsInForce(settings).map(({ action, scope, state, reason, remainingSec }) => {
    const name = scope === "host" ? action : `${action} (${scope})`;
    const how = { "in-effect": "in effect", pending: "pending", failed: "failed", lifted: "lifted" }[state];
    const until = remainingSec === null ? "" : ` for another ${formatDuration(remainingSec)}`;
    return `${name} ${how}${reason === null ? "" : `: ${reason}`}${until}`;
  });
  return parts.length === 0 ? "nothing is in force" : parts.join("; ");
}
