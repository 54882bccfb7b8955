import { sql } from "kysely";
import type { Database, Tx } from "../database/database.ts";
import { listOf, tableOf } from "../database/json-list.ts";
import type { SettingReportRow } from "../database/tables.ts";

type Waiting = { row: SettingReportRow; resolve(taken: boolean): void; reject(error: unknown): void };

const maxReportsAtOnce = 500;

const columns = {
  sensor_id: "text",
  action: "text",
  scope: "text",
  generation: "bigint",
  journal_id: "text",
  report_number: "bigint",
  state: "text",
  reason: "text",
  detail: "text",
  refused: "text",
  refused_count: "bigint",
  reported_at: "text",
  received_at: "text",
} as const satisfies Record<keyof SettingReportRow, "text" | "bigint">;
const names = Object.keys(columns) as (keyof SettingReportRow)[];

/**
 * Reports that arrive together are written by a few statements: an order to all hosts is answered by all of them within a
 * second or two, and orders must not wait behind a work for each.
 */
export function createReportBatch(database: Pick<Database, "kind" | "write">) {
  const waiting: Waiting[] = [];
  let draining = false;

  async function drain(): Promise<void> {
    // Those that arrived in the same turn of the event loop go together.
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (waiting.length > 0) await record(waiting.splice(0, maxReportsAtOnce));
    draining = false;
  }

  async function record(batch: Waiting[]): Promise<void> {
    try {
      const rows = batch.map(({ row }) => row);
      const taken = await database.write((tx) => putReports(tx, database.kind, rows));
      for (const { row, resolve } of batch) resolve(taken.has(row));
    } catch (error) {
      const [only, ...others] = batch;
      if (others.length === 0) return only?.reject(error);
      // One that the database refuses must not fail the others.
      await Promise.all(batch.map((each) => record([each])));
    }
  }

  /** Durable once it resolves, with whether the report was taken: it is about an order that was given, and not outdated. */
  return function add(row: SettingReportRow): Promise<boolean> {
    return new Promise((resolve, reject) => {
      waiting.push({ row, resolve, reject });
      if (draining) return;
      draining = true;
      void drain();
    });
  };
}

async function putReports(
  tx: Tx,
  kind: Database["kind"],
  rows: readonly SettingReportRow[],
): Promise<Set<SettingReportRow>> {
  const targets = [...new Set(rows.map(targetOf))];
  const orders = await tx
    .selectFrom("settings")
    .select(["target", "action", "generation"])
    .where("target", "in", listOf(kind, targets))
    .execute();
  const ordered = new Map(orders.map((order) => [`${order.target} ${order.action}`, order.generation]));
  // A host cannot have what was never ordered; generation 0 is "lifted, as it never was ordered".
  const credible = rows.filter((row) => row.generation <= (ordered.get(`${targetOf(row)} ${row.action}`) ?? -1));
  const taken = new Set<SettingReportRow>();
  for (const round of roundsOf(credible)) {
    const put = await putAll(tx, kind, [...round.values()]);
    for (const key of put) {
      const row = round.get(key);
      if (row !== undefined) taken.add(row);
    }
  }
  return taken;
}

/** A statement can write a row but once: later reports about the same are of a later round. */
function roundsOf(rows: readonly SettingReportRow[]): Map<string, SettingReportRow>[] {
  const rounds: Map<string, SettingReportRow>[] = [];
  const seen = new Map<string, number>();
  for (const row of rows) {
    const key = keyOf(row);
    const number = seen.get(key) ?? 0;
    seen.set(key, number + 1);
    const round = rounds[number] ?? new Map<string, SettingReportRow>();
    rounds[number] = round.set(key, row);
  }
  return rounds;
}

/**
 * An older generation never overwrites a newer one, nor an older report a newer one about the same generation. Returns the
 * keys of what was written.
 */
async function putAll(tx: Tx, kind: Database["kind"], rows: readonly SettingReportRow[]): Promise<string[]> {
  const whole = rows.map(({ reason = null, detail = null, refused = null, refused_count = null, ...row }) => {
    return { ...row, reason, detail, refused, refused_count };
  });
  const list = sql.join(names.map((name) => sql.ref(name)));
  const updates = sql.join(names.map((name) => sql`${sql.ref(name)} = excluded.${sql.ref(name)}`));
  // In one order on every Central Node, so that two of them do not wait for each other. SQLite needs the `where`.
  const written = await sql<Pick<SettingReportRow, "sensor_id" | "action" | "scope">>`
    insert into setting_reports (${list})
    select ${list} from ${tableOf(kind, columns, whole)} as given where true order by sensor_id, action, scope
    on conflict (sensor_id, action, scope) do update set ${updates}
    where setting_reports.generation < excluded.generation or (setting_reports.generation = excluded.generation
      -- Numbers of different journals say nothing about each other.
      and (setting_reports.journal_id <> excluded.journal_id or setting_reports.report_number <= excluded.report_number))
    returning sensor_id, action, scope`.execute(tx);
  return written.rows.map(keyOf);
}

const targetOf = (row: SettingReportRow): string => (row.scope === "all" ? "all" : row.sensor_id);
const keyOf = (row: Pick<SettingReportRow, "sensor_id" | "action" | "scope">): string =>
  `${row.sensor_id} ${row.scope} ${row.action}`;
