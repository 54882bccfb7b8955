import type { HistoryEntry, listFields } from "@cordon/contract/console-api";
import { sql } from "kysely";
import type { Static } from "typebox";
import type { Database } from "../database/database.ts";
import { type ColumnsOf, type ListRequest, listPage } from "../database/list-query.ts";
import type { AuditRow } from "../database/tables.ts";

export type HostHistory = ReturnType<typeof createHostHistory>;

/** What the audit log has of a host: orders for it and for all hosts, and those about its tasks. */
export function createHostHistory({ database }: { database: Database }) {
  const { kind, read } = database;
  const columns: ColumnsOf<(typeof listFields)["hostHistory"]> = {
    at: { kind: "time", sql: sql`a.at` },
    who: { kind: "text", sql: sql`(a.actor_kind || ':' || a.actor_id)` },
    action: { kind: "text", sql: sql`a.action` },
    result: { kind: "text", sql: sql`a.result` },
  };
  // Numbers as text of one length, so that entries of one moment stay in their order.
  const key = kind === "sqlite" ? sql`printf('%016d', a.seq)` : sql`lpad(a.seq::text, 16, '0')`;

  return {
    async list(sensorId: string, request: ListRequest) {
      const where = sql`a.object in (
        select task_id from tasks where sensor_id = ${sensorId} union all select ${sensorId} union all select 'all')`;
      const source = { from: sql`audit_log a`, where, key, columns, defaultSort: "-at" };
      const { keys, ...page } = await listPage(database, source, request);
      if (keys.length === 0) return { items: [], ...page };
      const rows = await read.selectFrom("audit_log").selectAll().where("seq", "in", keys.map(Number)).execute();
      const bySeq = new Map(rows.map((row) => [row.seq, row]));
      return { items: keys.flatMap((seq) => present(bySeq.get(Number(seq)))), ...page };
    },
  };
}

function present(row: AuditRow | undefined): Static<typeof HistoryEntry>[] {
  if (row === undefined) return [];
  const { at, actor_kind, actor_id, action, object, result } = row;
  const { fingerprint: _fingerprint, requestDigest: _digest, ...detail } = JSON.parse(row.detail);
  const parts = Object.entries({ ...(object === "all" ? { scope: "all hosts" } : {}), ...detail });
  return [
    {
      at,
      who: `${actor_kind}:${actor_id}`,
      action,
      result,
      detail: parts
        .map(([name, value]) => `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`)
        .join(", "),
    },
  ];
}
