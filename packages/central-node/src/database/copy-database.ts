import { randomUUID } from "node:crypto";
import { failure } from "@cordon/terminal";
import { type Kysely, sql } from "kysely";
import { type CopySource, openCopySource, type Row } from "./copy-source.ts";
import type { Database, Tx } from "./database.ts";
import { migrations } from "./migrations/index.ts";

/** What belongs to a database itself and not to what it holds. */
const ownTables = new Set(["migrations", "write_turn"]);
/** Filled by the migrations: it says nothing of a node's having run. */
const seededTables = new Set(["installation"]);

/** Below the bound of parameters of either database (32,766 and 65,535), whatever the number of columns. */
const rowsPerInsert = 500;
const charactersPerInsert = 4_000_000;

/**
 * Copies everything that `from` (a file or a URL) holds, in one state, into the empty database `to`, in one transaction: an
 * interrupted copy leaves `to` as empty as it was. Returns the rows of each table. Throws when `to` is not empty or when
 * `from` has another schema. `newLineage`: the nodes of `from` go on, so what is copied is a backup and not a move.
 */
export async function copyDatabase(
  from: string,
  to: Database,
  { newLineage }: { newLineage: boolean },
): Promise<Record<string, number>> {
  const source = await openCopySource(from);
  try {
    const tables = await source.tables();
    await checkSchema(source, tables);
    return await to.writeInTurn(async (tx) => {
      const counts: Record<string, number> = {};
      const copied = tables.filter((table) => !ownTables.has(table));
      for (const table of copied) await checkEmpty(tx, table);
      for (const table of copied) counts[table] = await copyTable(tx, source, table);
      if (newLineage) {
        await tx.updateTable("meta").set({ value: randomUUID() }).where("key", "=", "lineage").execute();
      }
      return counts;
    });
  } finally {
    await source.close();
  }
}

async function checkSchema(source: CopySource, tables: string[]): Promise<void> {
  if (!tables.includes("migrations"))
    throw failure("REFUSED", "the source is not a database of Cordon: it has no migrations");
  const names: string[] = [];
  for await (const row of source.rows("migrations")) names[Number(row.position) - 1] = String(row.name);
  const same = names.length === migrations.length && migrations.every(({ name }, index) => names[index] === name);
  if (same) return;
  throw failure(
    "REFUSED",
    `the source's schema is not this program's (it has ${names.length} migrations, the last one "${names.at(-1)}"; this program has ${migrations.length}): copy with the version that last ran on it, or start this one on it first`,
  );
}

async function checkEmpty(tx: Tx, table: string): Promise<void> {
  if (seededTables.has(table)) {
    await sql`delete from ${sql.table(table)}`.execute(tx);
    return;
  }
  const { rows } = await sql`select 1 from ${sql.table(table)} limit 1`.execute(tx);
  if (rows.length > 0)
    throw failure("REFUSED", `the target is not empty (table ${table}): name a new file or database`);
}

async function copyTable(tx: Tx, source: CopySource, table: string): Promise<number> {
  // The table is known by name only, as it is read from the source's own catalogue.
  const target = tx as unknown as Kysely<Record<string, Row>>;
  let batch: Row[] = [];
  let characters = 0;
  let copied = 0;
  const flush = async () => {
    if (batch.length > 0) await target.insertInto(table).values(batch).execute();
    copied += batch.length;
    batch = [];
    characters = 0;
  };
  for await (const row of source.rows(table)) {
    batch.push({ ...row });
    for (const value of Object.values(row)) characters += typeof value === "string" ? value.length : 8;
    if (batch.length >= rowsPerInsert || characters >= charactersPerInsert) await flush();
  }
  await flush();
  const { rows } = await sql<{ n: number }>`select count(*) as n from ${sql.table(table)}`.execute(tx);
  if (rows[0]?.n !== copied)
    throw failure("REFUSED", `table ${table}: ${copied} rows were read, ${rows[0]?.n} are there`);
  return copied;
}
