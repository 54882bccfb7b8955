import type { IsolationRule, listFields } from "@cordon/contract/console-api";
import type { NetworkIsolationWish } from "@cordon/response-actions";
import { sql } from "kysely";
import { describeActor } from "../audit/actor.ts";
import type { Database } from "../database/database.ts";
import { type ColumnsOf, type ListRequest, listPage } from "../database/list-query.ts";
import type { HostService } from "../hosts/host-service.ts";
import type { SettingService } from "../settings/setting-service.ts";
import { actorNameSql } from "./actor-name.ts";
import { inForceSql, progressOf, progressSql } from "./setting-progress.ts";

export type IsolationList = ReturnType<typeof createIsolationList>;

const action = "network-isolation";
const states = ["in-effect", "pending", "ended", "disabled", "failed", "not-supported"] as const;

/** Isolation rules as the console shows them: one a host, until somebody has done with it. */
export function createIsolationList({
  database,
  hosts,
  settings,
  now,
}: {
  database: Database;
  hosts: Pick<HostService, "list">;
  settings: Pick<SettingService, "listOrdered" | "listStates">;
  now: () => Date;
}) {
  const { kind } = database;

  function sourceOf(at: string) {
    const progress = progressSql(kind, action, [{ setting: "s", report: "r", host: "h" }], at);
    const columns: ColumnsOf<(typeof listFields)["listIsolationRules"]> = {
      hostName: { kind: "text", sql: sql`h.host_name` },
      sensorId: { kind: "text", sql: sql`h.sensor_id` },
      state: {
        kind: "choice",
        // As `stateOf` below.
        sql: sql`case when s.enabled = 0 then 'disabled' when not ${inForceSql("s", at)} then 'ended'
          else replace(${progress}, 'lifted', 'ended') end`,
        needs: ["report"],
        choices: states,
      },
      orderedBy: { kind: "text", sql: actorNameSql(kind, "s.ordered_by") },
      orderedAt: { kind: "time", sql: sql`s.ordered_at` },
      endsAt: { kind: "time", sql: sql`s.ends_at` },
    };
    return {
      from: sql`settings s join hosts h on h.sensor_id = s.target`,
      joins: {
        report: sql`left join setting_reports r
          on r.sensor_id = s.target and r.action = s.action and r.scope = 'host'`,
      },
      where: sql`s.action = ${sql.lit(action)} and s.forgotten_at is null`,
      key: sql`s.target`,
      columns,
      defaultSort: "-orderedAt",
    };
  }

  /** In the order given; hosts without a rule are left out. */
  async function present(sensorIds: readonly string[]): Promise<IsolationRule[]> {
    const [found, ordered] = await Promise.all([hosts.list({ sensorIds }), settings.listOrdered(sensorIds, action)]);
    const progress = await settings.listStates(found);
    const at = now().toISOString();
    const hostOf = new Map(found.map((host) => [host.sensorId, host]));
    const rowOf = new Map(ordered.map((row) => [row.target, row]));
    return sensorIds.flatMap((sensorId): IsolationRule[] => {
      const host = hostOf.get(sensorId);
      const row = rowOf.get(sensorId);
      if (host === undefined || row === undefined) return [];
      const wish: NetworkIsolationWish = JSON.parse(row.wish);
      const of = progressOf(action, progress.get(sensorId));
      return [
        {
          sensorId,
          hostName: host.hostName,
          exclusions: wish.exclusions,
          hours: wish.autoTurnoffTimeoutInSec / 3600,
          orderedBy: describeActor(JSON.parse(row.ordered_by)),
          orderedAt: row.ordered_at,
          endsAt: row.ends_at,
          state: stateOf(row, of.state, at),
          progress: of,
          generation: row.generation,
        },
      ];
    });
  }

  return {
    present,
    async list(request: ListRequest) {
      const { keys, ...page } = await listPage(database, sourceOf(now().toISOString()), request);
      return { items: await present(keys), ...page };
    },
  };
}

function stateOf(
  row: { enabled: 0 | 1; ends_at: string | null },
  progress: IsolationRule["progress"]["state"],
  at: string,
): IsolationRule["state"] {
  if (row.enabled === 0) return "disabled";
  if (row.ends_at !== null && row.ends_at <= at) return "ended";
  // In force here, and over by the clock of the host: it is about to end.
  return progress === "lifted" || progress === "none" ? "ended" : progress;
}
