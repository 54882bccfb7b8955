import { Problem } from "@cordon/contract";
import type { Actor } from "../audit/actor.ts";
import type { AuditLog } from "../audit/audit-log.ts";
import type { Changes } from "../changes/changes.ts";
import type { Database, Reader, Tx } from "../database/database.ts";
import type { InstallationRow } from "../database/tables.ts";
import { throwIfChanged } from "../database/versions.ts";

/** What administrators set for all Central Nodes on one database. */
export type InstallationSettings = {
  /** Not heard of for so long, a host's activity is `warning`, and then `critical`. */
  activityWarningHours: number;
  activityCriticalHours: number;
  /** Null: hosts are never removed by themselves. */
  removeInactiveAfterDays: number | null;
  version: number;
};
type Change = { [K in keyof Omit<InstallationSettings, "version">]?: InstallationSettings[K] | undefined };
export type Installation = ReturnType<typeof createInstallation>;

export function createInstallation(needs: { database: Database; audit: AuditLog; changes: Pick<Changes, "tell"> }) {
  const { database, audit, changes } = needs;

  async function read(db: Reader | Tx): Promise<InstallationSettings> {
    return present(await db.selectFrom("installation").selectAll().executeTakeFirstOrThrow());
  }

  return {
    read: (): Promise<InstallationSettings> => read(database.read),

    /** Throws PRECONDITION_FAILED unless it is still the version `ifMatch`, BAD_REQUEST where a warning would not come first. */
    async change(change: Change, ifMatch: number, actor: Actor): Promise<InstallationSettings> {
      const changed = await database.writeInTurn(async (tx) => {
        const before = await read(tx);
        throwIfChanged(before.version, ifMatch);
        const given = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
        const next: InstallationSettings = { ...before, ...given, version: before.version + 1 };
        if (next.activityWarningHours >= next.activityCriticalHours) {
          throw new Problem("BAD_REQUEST", {
            message: `a host is a warning before it is critical: ${next.activityWarningHours} h must be less than ${next.activityCriticalHours} h`,
          });
        }
        await tx
          .updateTable("installation")
          .set({
            activity_warning_hours: next.activityWarningHours,
            activity_critical_hours: next.activityCriticalHours,
            remove_inactive_after_days: next.removeInactiveAfterDays,
            version: next.version,
          })
          .execute();
        await audit.append(tx, {
          actor,
          action: "installation.change",
          object: "installation",
          result: "done",
          detail: { before, after: next },
        });
        return next;
      });
      changes.tell("settings");
      return changed;
    },
  };
}

function present(row: InstallationRow): InstallationSettings {
  return {
    activityWarningHours: row.activity_warning_hours,
    activityCriticalHours: row.activity_critical_hours,
    removeInactiveAfterDays: row.remove_inactive_after_days,
    version: row.version,
  };
}
