import type { SettingReportRow } from "../database/tables.ts";

/** How far a setting has come on one host: the wish beside what the host's agent reported. */
export type SettingState = {
  action: string;
  scope: "host" | "all";
  state: "pending" | "in-effect" | "lifted" | "failed" | "not-supported";
  orderedGeneration: number;
  reportedGeneration: number | null;
  orderedAt: string;
  endsAt: string | null;
  reportedAt: string | null;
  reason: string | null;
  detail: string | null;
  /** Parts of the wish that the host does not carry out; the first of `refusedCount`. */
  refused: { part: string; reason: string; detail: string }[];
  refusedCount: number;
};

export type SettingHead = {
  target: string;
  action: string;
  generation: number;
  enabled: 0 | 1;
  ordered_at: string;
  ends_at: string | null;
};

/** Reports whether the wish stands: enabled, and its time has not run out. */
export function isInForce(head: Pick<SettingHead, "enabled" | "ends_at">, at: Date): boolean {
  return head.enabled === 1 && (head.ends_at === null || head.ends_at > at.toISOString());
}

/** What a setting is of, for one host. */
export function keyOf(action: string, scope: "host" | "all"): string {
  return `${action}/${scope}`;
}

export function scopeOf(head: Pick<SettingHead, "target">): "host" | "all" {
  return head.target === "all" ? "all" : "host";
}

/** Derived each time, never kept: there is no status to hold in step. */
export function stateOf(
  head: SettingHead,
  report: SettingReportRow | undefined,
  capabilities: readonly string[],
  at: Date,
): SettingState {
  const reported = report !== undefined && report.generation >= head.generation ? report : null;
  return {
    action: head.action,
    scope: scopeOf(head),
    state: derive(),
    orderedGeneration: head.generation,
    reportedGeneration: report?.generation ?? null,
    orderedAt: head.ordered_at,
    endsAt: head.ends_at,
    reportedAt: report?.reported_at ?? null,
    reason: reported?.reason ?? null,
    detail: reported?.detail ?? null,
    refused: reported?.refused == null ? [] : JSON.parse(reported.refused),
    refusedCount: reported?.refused_count ?? 0,
  };

  function derive(): SettingState["state"] {
    if (reported === null) return capabilities.includes(head.action) ? "pending" : "not-supported";
    // Ended by time here, and the host has not said so yet: what holds there is not known.
    if (reported.state === "in-effect" && !isInForce(head, at)) return "pending";
    return reported.state;
  }
}
