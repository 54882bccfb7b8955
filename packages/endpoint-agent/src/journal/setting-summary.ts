import { remainingMs } from "../deadline.ts";
import type { Clock } from "../host/clock.ts";
import type { Journal } from "./journal.ts";
import type { Scope } from "./setting-store.ts";

/** A setting as `cordon-agent status` shows it. */
export type SettingSummary = {
  action: string;
  scope: Scope;
  generation: number;
  /** `pending`: not carried out yet. */
  state: "pending" | "in-effect" | "lifted" | "failed";
  reason: string | null;
  detail: string | null;
  /** How many parts of the wish this host does not carry out, and one of them. */
  refusedCount: number;
  refusedPart: { part: string; reason: string } | null;
  /** The host is to be so, as the newest order that was taken says: also while it could not be done. */
  isWished: boolean;
  /** Null: it has no end. */
  remainingSec: number | null;
};

export function summariseSettings(journal: Journal, clock: Clock): SettingSummary[] {
  return journal.settings.all().map(({ action, scope, generation, outcome, wish, deadline }) => ({
    action,
    scope,
    generation,
    state: outcome?.state ?? "pending",
    reason: outcome?.reason ?? null,
    detail: outcome?.detail ?? null,
    refusedCount: outcome?.refusedCount ?? outcome?.refused?.length ?? 0,
    refusedPart: outcome?.refused?.[0] ?? null,
    isWished: wish !== null,
    remainingSec: wish === null || deadline === null ? null : Math.ceil(remainingMs(deadline, clock) / 1000),
  }));
}
