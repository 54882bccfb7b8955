import type { ConsoleHost, listFields } from "@cordon/contract/console-api";
import { sql } from "kysely";
import type { Database } from "../database/database.ts";
import { type ColumnsOf, type ListRequest, type ListSource, listPage } from "../database/list-query.ts";
import type { Host, HostService } from "../hosts/host-service.ts";
import type { SettingService } from "../settings/setting-service.ts";
import { countFailures, failuresSql } from "./failures.ts";
import { joinSetting, progressOf, progressSql, progressStates } from "./setting-progress.ts";

/** After how many hours without a word a host's activity is a warning, and critical. */
export type ActivityThresholds = { activityWarningHours: number; activityCriticalHours: number };

export type HostListNeeds = {
  database: Database;
  hosts: Pick<HostService, "list">;
  settings: Pick<SettingService, "listStates">;
  thresholds: () => Promise<ActivityThresholds>;
  now: () => Date;
};

export type HostList = ReturnType<typeof createHostList>;

const isolation = { setting: "isolation", report: "isolation_report", host: "h" };
const own = { setting: "own", report: "own_report", host: "h" };
const every = { setting: "every", report: "every_report", host: "h" };

/** Hosts with how far their settings have come, as the console shows them. */
export function createHostList({ database, hosts, settings, thresholds, now }: HostListNeeds) {
  const { kind } = database;

  async function activityLimits() {
    const { activityWarningHours, activityCriticalHours } = await thresholds();
    const before = (hours: number) => new Date(now().getTime() - hours * 3_600_000).toISOString();
    return { warning: before(activityWarningHours), critical: before(activityCriticalHours) };
  }

  function sourceOf(limits: { warning: string; critical: string }): ListSource {
    const at = now().toISOString();
    const columns: ColumnsOf<(typeof listFields)["listHosts"]> = {
      hostName: { kind: "text", sql: sql`h.host_name` },
      ipAddresses: { kind: "text", sql: sql`h.ip_addresses`, isList: true },
      osName: { kind: "text", sql: sql`h.os_name` },
      agentVersion: { kind: "text", sql: sql`h.agent_version` },
      capabilities: { kind: "text", sql: sql`h.capabilities`, isList: true },
      sensorId: { kind: "text", sql: sql`h.sensor_id` },
      activity: { kind: "choice", sql: activitySql(limits), choices: ["normal", "warning", "critical"] },
      lastAccessAt: { kind: "time", sql: sql`h.last_access_at` },
      enrolledAt: { kind: "time", sql: sql`h.enrolled_at` },
      isolation: {
        kind: "choice",
        sql: progressSql(kind, "network-isolation", [isolation], at),
        needs: ["isolation"],
        choices: progressStates,
      },
      isolationEndsAt: { kind: "time", sql: sql`isolation.ends_at`, needs: ["isolation"] },
      prevention: {
        kind: "choice",
        sql: progressSql(kind, "prevention", [own, every], at),
        needs: ["own", "every"],
        choices: progressStates,
      },
      failuresLastDay: { kind: "number", sql: sql`coalesce(failures.failures, 0)`, needs: ["failures"] },
    };
    return {
      from: sql`hosts h`,
      joins: {
        isolation: joinSetting("network-isolation", "host", isolation),
        own: joinSetting("prevention", "host", own),
        every: joinSetting("prevention", "all", every),
        failures: sql`left join (
          select sensor_id, count(*) as failures from (${failuresSql(now())}) as failed group by sensor_id
        ) as failures on failures.sensor_id = h.sensor_id`,
      },
      key: sql`h.sensor_id`,
      columns,
      defaultSort: "hostName",
    };
  }

  /** As the console shows them, in the order given; those that are gone are left out. */
  async function present(sensorIds: readonly string[]): Promise<ConsoleHost[]> {
    const [found, limits, failures] = await Promise.all([
      hosts.list({ sensorIds }),
      activityLimits(),
      countFailures(database, now(), sensorIds),
    ]);
    const states = await settings.listStates(found);
    const byId = new Map(found.map((host) => [host.sensorId, host]));
    return sensorIds.flatMap((sensorId) => {
      const host = byId.get(sensorId);
      if (host === undefined) return [];
      const { journalId: _, ...shown } = host;
      return {
        ...shown,
        activity: activityOf(host, limits),
        isolation: progressOf("network-isolation", states.get(sensorId)),
        prevention: progressOf("prevention", states.get(sensorId)),
        failuresLastDay: failures.get(sensorId) ?? 0,
      };
    });
  }

  return {
    present,

    async list(request: ListRequest) {
      const { keys, ...page } = await listPage(database, sourceOf(await activityLimits()), request);
      return { items: await present(keys), ...page };
    },

    /** How many hosts there are of each activity. */
    async countByActivity(): Promise<{ total: number; normal: number; warning: number; critical: number }> {
      const activity = activitySql(await activityLimits());
      const { rows } = await sql<{ activity: "normal" | "warning" | "critical"; hosts: number }>`
        select ${activity} as activity, count(*) as hosts from hosts h group by 1`.execute(database.read);
      const counts = { normal: 0, warning: 0, critical: 0 };
      for (const row of rows) counts[row.activity] = Number(row.hosts);
      return { total: counts.normal + counts.warning + counts.critical, ...counts };
    },
  };
}

function activitySql({ warning, critical }: { warning: string; critical: string }) {
  return sql`case when h.last_access_at < ${critical} then 'critical'
    when h.last_access_at < ${warning} then 'warning' else 'normal' end`;
}

function activityOf(
  { lastAccessAt }: Pick<Host, "lastAccessAt">,
  { warning, critical }: { warning: string; critical: string },
): ConsoleHost["activity"] {
  if (lastAccessAt < critical) return "critical";
  return lastAccessAt < warning ? "warning" : "normal";
}
