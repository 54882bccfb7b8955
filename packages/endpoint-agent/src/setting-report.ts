import { randomUUID } from "node:crypto";
import type { SettingReport } from "@cordon/contract";
import type { RefusedPart } from "@cordon/response-actions/enforcers";
import type { SettingRecord } from "./journal/setting-store.ts";

type Outcome = NonNullable<SettingRecord["outcome"]>;

const maxRefusedParts = 100;
/** What the wire takes at most. */
const maxDetailCharacters = 4096;

export function toSettingReport(
  record: SettingRecord,
  { state, reason, detail, refused, refusedCount, at }: Outcome,
): SettingReport {
  return {
    type: "setting-report",
    reportId: randomUUID(),
    action: record.action,
    scope: record.scope,
    lineage: record.lineage,
    generation: record.generation,
    state,
    ...(reason === undefined ? {} : { reason }),
    ...(detail === undefined ? {} : { detail: detail.slice(0, maxDetailCharacters) }),
    ...(refused === undefined ? {} : { refused: refused.map(bounded) }),
    ...(refusedCount === undefined ? {} : { refusedCount }),
    at,
  };
}

/** Reports whether an outcome says something that the one before did not. */
export function isNews(before: Outcome | null, after: Outcome): boolean {
  if (before === null || before.state !== after.state || before.reason !== after.reason) return true;
  // What had to be made good once more while it holds: its detail says how often.
  if (after.state === "in-effect" && after.reason !== undefined && after.detail !== before.detail) return true;
  return JSON.stringify(before.refused) !== JSON.stringify(after.refused);
}

/** What the wire takes of the parts of a wish that an enforcer refused. */
export function refusedOf(refused: readonly RefusedPart[] = []): Pick<Outcome, "refused" | "refusedCount"> {
  return refused.length === 0 ? {} : { refused: refused.slice(0, maxRefusedParts), refusedCount: refused.length };
}

function bounded({ part, reason, detail }: RefusedPart) {
  return { part: part.slice(0, 128), reason: reason.slice(0, 64), detail: detail.slice(0, 1024) };
}
