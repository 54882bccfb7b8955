import type { Overview as OverviewReply } from "@cordon/contract/console-api";
import { type RawBuilder, sql } from "kysely";
import type { Database } from "../database/database.ts";
import { contains } from "../database/list-filter.ts";
import { dayMs, failuresSql } from "./failures.ts";
import type { HostList } from "./host-list.ts";
import { inForceSql, joinSetting, progressSql } from "./setting-progress.ts";

export type Overview = ReturnType<typeof createOverview>;

/** Rows of a list on the overview; the number beside it counts them all. */
const shownRows = 100;
const hourMs = 3_600_000;
const orders = [
  "network-isolation.set",
  "network-isolation.lift",
  "prevention.set",
  "prevention.lift",
  "run-process.create",
];

/** The fleet at a glance. However many ask at once, it is worked out for one at a time, and never from before one asked. */
export function createOverview({
  database,
  hostList,
  now,
}: {
  database: Database;
  hostList: Pick<HostList, "countByActivity">;
  now: () => Date;
}) {
  const { kind, read } = database;
  let running: Promise<OverviewReply> | null = null;
  let next: Promise<OverviewReply> | null = null;

  async function work(): Promise<OverviewReply> {
    const at = now();
    const [hosts, isolated, notInEffect, failures, tasks, pendingExternalSystems, blocksLastDay, hours] =
      await Promise.all([
        hostList.countByActivity(),
        listIsolated(at),
        listNotInEffect(at),
        listFailures(at),
        countTasks(),
        countOne(sql`select count(*) as n from external_systems where state = 'pending'`),
        countOne(
          sql`select coalesce(sum(blocks), 0) as n from block_hours where hour >= ${hourOf(at.getTime() - dayMs)}`,
        ),
        countHours(at),
      ]);
    return { hosts, ...isolated, ...notInEffect, ...failures, tasks, pendingExternalSystems, blocksLastDay, hours };
  }

  async function listIsolated(at: Date) {
    const names = { setting: "s", report: "r", host: "h" };
    const state = progressSql(kind, "network-isolation", [names], at.toISOString());
    const rows = sql`
      select h.sensor_id, h.host_name, ${state} as state, s.ends_at
      from settings s join hosts h on h.sensor_id = s.target
      left join setting_reports r on r.sensor_id = s.target and r.action = s.action and r.scope = 'host'
      where s.action = 'network-isolation' and ${inForceSql("s", at.toISOString())} and ${state} = 'in-effect'`;
    const found = await listSome<{ sensor_id: string; host_name: string; state: string; ends_at: string | null }>(
      rows,
      sql`ends_at, sensor_id`,
    );
    return {
      isolated: found.rows.map((row) => ({
        sensorId: row.sensor_id,
        hostName: row.host_name,
        state: row.state,
        endsAt: row.ends_at,
      })),
      isolatedTotal: found.total,
    };
  }

  async function listNotInEffect(at: Date) {
    const settings = (["network-isolation/host", "prevention/host", "prevention/all"] as const).map((of) => {
      const [action = "", scope] = of.split("/") as [string, "host" | "all"];
      const names = { setting: "s", report: "r", host: "h" };
      const state = progressSql(kind, action, [names], at.toISOString());
      const inForce = inForceSql("s", at.toISOString());
      return sql`
        select * from (
          select h.sensor_id, h.host_name, ${sql.lit(action)} as action, s.ordered_at, ${state} as state, r.reason
          from hosts h ${joinSetting(action, scope, names)}
          where s.target is not null and (${inForce} or s.enabled = 0)
            and not (s.enabled = 0 and not ${contains(kind, sql`h.capabilities`, JSON.stringify(action))})
        ) as ${sql.ref(`${action}-${scope}`)} where state in ('pending', 'failed', 'not-supported')`;
    });
    const tasks = sql`
      select t.sensor_id, h.host_name, t.action, t.created_at as ordered_at, t.state, null as reason
      from tasks t join hosts h on h.sensor_id = t.sensor_id
      where t.finished_at is null and t.deleted_at is null and t.state = 'waiting' and t.start_now = 1`;
    type Row = Record<"sensor_id" | "host_name" | "action" | "ordered_at" | "state", string> & {
      reason: string | null;
    };
    const found = await listSome<Row>(sql.join([...settings, tasks], sql` union all `), sql`ordered_at, sensor_id`);
    return {
      notInEffect: found.rows.map((row) => ({
        sensorId: row.sensor_id,
        hostName: row.host_name,
        action: row.action,
        orderedAt: row.ordered_at,
        state: row.state,
        // Of an older order, while this one is not answered.
        reason: row.state === "failed" ? row.reason : null,
      })),
      notInEffectTotal: found.total,
    };
  }

  async function listFailures(at: Date) {
    type Row = Record<"sensor_id" | "host_name" | "action" | "at", string> & { reason: string | null };
    const rows = sql`
      select f.sensor_id, h.host_name, f.action, f.reason, f.at
      from (${failuresSql(at)}) as f join hosts h on h.sensor_id = f.sensor_id`;
    const found = await listSome<Row>(rows, sql`at desc, sensor_id`);
    return {
      failuresLastDay: found.rows.map((row) => ({
        sensorId: row.sensor_id,
        hostName: row.host_name,
        action: row.action,
        reason: row.reason ?? "",
        at: row.at,
      })),
      failuresLastDayTotal: found.total,
    };
  }

  async function listSome<Row>(
    rows: RawBuilder<unknown>,
    by: RawBuilder<unknown>,
  ): Promise<{ rows: Row[]; total: number }> {
    const found = await sql<Row & { total: number }>`
      select found.*, count(*) over () as total from (${rows}) as found
      order by ${by} limit ${sql.lit(shownRows)}`.execute(read);
    return { rows: found.rows, total: Number(found.rows[0]?.total ?? 0) };
  }

  async function countTasks(): Promise<OverviewReply["tasks"]> {
    const { rows } = await sql<{ state: keyof OverviewReply["tasks"]; n: number }>`
      select state, count(*) as n from tasks where deleted_at is null group by state`.execute(read);
    const counts = { waiting: 0, running: 0, completed: 0, failed: 0, cancelled: 0 };
    for (const { state, n } of rows) counts[state] = Number(n);
    return counts;
  }

  async function countOne(query: RawBuilder<unknown>): Promise<number> {
    const { rows } = await query.execute(read);
    return Number((rows[0] as { n: number } | undefined)?.n ?? 0);
  }

  /** Orders from the audit log; effects and failures from the newest report of each setting and from tasks that ended. */
  async function countHours(at: Date): Promise<OverviewReply["hours"]> {
    const first = Date.parse(`${hourOf(at.getTime())}:00:00.000Z`) - 23 * hourMs;
    const since = new Date(first).toISOString();
    const { rows } = await sql<{ hour: string; what: "orders" | "effects" | "failures"; n: number }>`
      select substr(at, 1, 13) as hour, 'orders' as what, count(*) as n from audit_log
      where at >= ${since} and result = 'done' and action in (${sql.join(orders.map((order) => sql.lit(order)))}) group by 1
      union all
      select substr(received_at, 1, 13), case when state = 'failed' then 'failures' else 'effects' end, count(*)
      from setting_reports where received_at >= ${since} group by 1, 2
      union all
      select substr(finished_at, 1, 13), case when state = 'failed' then 'failures' else 'effects' end, count(*)
      from tasks where finished_at >= ${since} and state in ('completed', 'failed') group by 1, 2`.execute(read);
    const hours = Array.from({ length: 24 }, (_, index) => {
      const hour = new Date(first + index * hourMs).toISOString();
      return { at: hour, orders: 0, effects: 0, failures: 0 };
    });
    const byHour = new Map(hours.map((hour) => [hour.at.slice(0, 13), hour]));
    for (const { hour, what, n } of rows) {
      const into = byHour.get(hour);
      if (into !== undefined) into[what] += Number(n);
    }
    return hours;
  }

  function start(): Promise<OverviewReply> {
    const run = work().finally(() => {
      if (running === run) running = null;
    });
    running = run;
    return run;
  }

  return {
    read(): Promise<OverviewReply> {
      if (running === null) return start();
      next ??= running
        .catch(() => {}) // its own callers are told
        .then(() => {
          next = null;
          return start();
        });
      return next;
    },
  };
}

function hourOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 13);
}
