import { setImmediate } from "node:timers/promises";
import { sql } from "kysely";
import type { Database } from "../database/database.ts";
import { conditionOf, readFilters } from "../database/list-filter.ts";
import { type ListRequest, type ListSource, listPage } from "../database/list-query.ts";
import type { AuditRow } from "../database/tables.ts";

const actorKinds = ["external-system", "user", "agent", "local-administrator", "central-node"] as const;

/** Digits enough for any number of entries: as text they then sort as numbers do. */
const keyDigits = 15;
const key = sql`substr('000000000000000' || e.seq, length('000000000000000' || e.seq) - ${sql.lit(keyDigits - 1)})`;

const source: ListSource = {
  from: sql`audit_log e`,
  key,
  columns: {
    seq: { kind: "number", sql: sql`e.seq`, isNeverNone: true },
    at: { kind: "time", sql: sql`e.at`, isNeverNone: true },
    actorKind: { kind: "choice", sql: sql`e.actor_kind`, choices: actorKinds },
    actorId: { kind: "text", sql: sql`e.actor_id` },
    address: { kind: "text", sql: sql`e.address` },
    action: { kind: "text", sql: sql`e.action` },
    object: { kind: "text", sql: sql`e.object` },
    result: { kind: "text", sql: sql`e.result` },
  },
  defaultSort: "-seq",
};

/** One page of the log, newest first unless asked otherwise. */
export async function listAudit(database: Pick<Database, "kind" | "read">, request: ListRequest) {
  const { keys, ...page } = await listPage(database, source, request);
  const seqs = keys.map(Number);
  const found =
    seqs.length === 0 ? [] : await database.read.selectFrom("audit_log").selectAll().where("seq", "in", seqs).execute();
  const rows = new Map(found.map((row) => [row.seq, row]));
  return { ...page, rows: seqs.flatMap((seq) => rows.get(seq) ?? []) };
}

const exportedAtOnce = 2000;

/** Every entry that the filters let through, oldest first, a few at a time: the log may be larger than the memory. */
export async function* streamAudit(
  { kind, read }: Pick<Database, "kind" | "read">,
  filter: ListRequest["filter"],
): AsyncGenerator<AuditRow> {
  const conditions = readFilters(source.columns, filter).map((each) => conditionOf(kind, each));
  for (let after = 0; ; ) {
    const where = sql.join([sql`e.seq > ${after}`, ...conditions], sql` and `);
    const { rows } = await sql<AuditRow>`
      select e.* from audit_log e where ${where} order by e.seq limit ${exportedAtOnce}`.execute(read);
    yield* rows;
    // On SQLite reading is one long breath: others must get a turn between two pages.
    await setImmediate();
    const last = rows.at(-1);
    if (last === undefined || rows.length < exportedAtOnce) return;
    after = last.seq;
  }
}
