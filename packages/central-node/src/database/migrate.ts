import { failure } from "@cordon/terminal";
import { type Kysely, sql } from "kysely";
import { migrations } from "./migrations/index.ts";
import type { Migration } from "./migrations/migration.ts";
import type { Tables, Tx } from "./tables.ts";

/** Any number that no other program on the database uses: Central Nodes that start together migrate one after the other. */
const advisoryLock = 0x436f7264;

/** The row that a move leaves behind; every version refuses a database with a migration that it does not know. */
const moved = { position: 1_000_000, name: "moved-to-another-database" };

/** After a move: keeps a Central Node from starting on the database that was left, where orders would be lost. */
export async function markAsMoved(tx: Tx): Promise<void> {
  await sql`insert into migrations (position, name) values (${moved.position}, ${moved.name})`.execute(tx);
}

/** Brings the database to the newest schema, or throws and leaves it as it was. */
export async function migrate(
  db: Kysely<Tables>,
  kind: "sqlite" | "postgres",
  known: readonly Migration[] = migrations,
): Promise<void> {
  await db.transaction().execute(async (tx) => {
    if (kind === "postgres") {
      await sql`select pg_advisory_xact_lock(${sql.lit(advisoryLock)})`.execute(tx);
      // Whoever wants a table that we wait for waits behind us: so we wait shortly, and try again later.
      await sql`set local lock_timeout = '500ms'`.execute(tx);
    }
    await sql`create table if not exists migrations (position integer primary key, name text not null)`.execute(tx);
    const done = await sql<{
      position: number;
      name: string;
    }>`select position, name from migrations order by position`.execute(tx);
    checkKnown(done.rows, known);
    for (const [index, migration] of known.entries()) {
      if (index < done.rows.length) continue;
      await run(tx, migration);
      await sql`insert into migrations (position, name) values (${index + 1}, ${migration.name})`.execute(tx);
    }
  });
}

function checkKnown(done: { position: number; name: string }[], migrationsKnown: readonly Migration[]): void {
  if (done.at(-1)?.position === moved.position) {
    throw failure(
      "REFUSED",
      `this database was moved to another one by "cordon-server database copy": start the node on that one (or, to go on here without what was ordered there: delete from migrations where name = '${moved.name}')`,
    );
  }
  for (const row of done) {
    const known = migrationsKnown[row.position - 1];
    if (known?.name === row.name) continue;
    throw failure(
      "REFUSED",
      `the database was written by a newer or another Cordon (it has migration ${row.position} "${row.name}", this program has ${known === undefined ? "none there" : `"${known.name}"`}): start the newer program`,
    );
  }
}

async function run(tx: Kysely<Tables>, migration: Migration): Promise<void> {
  try {
    await migration.up(tx as unknown as Kysely<unknown>);
  } catch (error) {
    if (isLockTimeout(error)) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw failure(
      "REFUSED",
      `migration "${migration.name}" failed and changed nothing: ${why}. The version before still runs on this database: go back to it, and report this`,
      { cause: error },
    );
  }
}

/** PostgreSQL waited for a lock as long as it was told to. */
export function isLockTimeout(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "55P03";
}
