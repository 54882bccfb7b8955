import { randomUUID } from "node:crypto";
import type { SettingReport } from "@cordon/contract";
import type { SettingRecord } from "./journal/setting-store.ts";

/** What the wire takes at most. */
const maxDetailCharacters = 4096;

export function toSettingReport(
  record: SettingRecord,
  { state, reason, detail, at }: NonNullable<SettingRecord["outcome"]>,
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
    at,
  };
}
