import { type RawBuilder, sql } from "kysely";
import type { Database } from "../database/database.ts";
import { listOf } from "../database/json-list.ts";

export const dayMs = 86_400_000;

/** Rows `(sensor_id, action, reason, at)`: settings whose newest report is a failure of the last 24 hours, and tasks that failed in them. */
export function failuresSql(now: Date, of: RawBuilder<string> | null = null): RawBuilder<unknown> {
  const since = new Date(now.getTime() - dayMs).toISOString();
  const among = of === null ? sql`` : sql`and sensor_id in ${of}`;
  return sql`
    select sensor_id, action, reason, received_at as at from setting_reports
    where state = 'failed' and received_at >= ${since} ${among}
    union all
    select sensor_id, action, reason, finished_at as at from tasks
    where state = 'failed' and deleted_at is null and finished_at >= ${since} ${among}`;
}

/** By sensor ID; a host without any is absent. */
export async function countFailures(
  { kind, read }: Pick<Database, "kind" | "read">,
  now: Date,
  sensorIds: readonly string[],
): Promise<Map<string, number>> {
  const { rows } = await sql<{ sensor_id: string; failures: number }>`
    select sensor_id, count(*) as failures from (${failuresSql(now, listOf(kind, sensorIds))}) as failed
    group by sensor_id`.execute(read);
  return new Map(rows.map((row) => [row.sensor_id, Number(row.failures)]));
}
