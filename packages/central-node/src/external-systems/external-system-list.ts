import { sql } from "kysely";
import type { Database } from "../database/database.ts";
import { type ListRequest, type ListSource, listPage } from "../database/list-query.ts";
import type { ExternalSystemRow } from "../database/tables.ts";

const source: ListSource = {
  from: sql`external_systems s`,
  key: sql`s.id_key || ' ' || s.fingerprint`,
  columns: {
    name: { kind: "text", sql: sql`s.name` },
    externalSystemId: { kind: "text", sql: sql`s.external_system_id` },
    fingerprint: { kind: "text", sql: sql`s.fingerprint` },
    subject: { kind: "text", sql: sql`s.subject` },
    address: { kind: "text", sql: sql`s.address` },
    state: { kind: "choice", sql: sql`s.state`, choices: ["pending", "accepted", "rejected", "withdrawn"] },
    validTo: { kind: "time", sql: sql`s.valid_to` },
    firstSeenAt: { kind: "time", sql: sql`s.first_seen_at` },
    lastSeenAt: { kind: "time", sql: sql`s.last_seen_at` },
  },
  defaultSort: "-firstSeenAt",
};

export async function listExternalSystems(database: Pick<Database, "kind" | "read">, request: ListRequest) {
  const { keys, ...page } = await listPage(database, source, request);
  const fingerprints = [...new Set(keys.map((key) => key.split(" ")[1] ?? ""))];
  const found: ExternalSystemRow[] =
    fingerprints.length === 0
      ? []
      : await database.read
          .selectFrom("external_systems")
          .selectAll()
          .where("fingerprint", "in", fingerprints)
          .execute();
  const rows = new Map(found.map((row) => [`${row.id_key} ${row.fingerprint}`, row]));
  return { ...page, rows: keys.flatMap((key) => rows.get(key) ?? []) };
}
