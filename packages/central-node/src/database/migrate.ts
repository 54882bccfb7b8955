import { type Kysely, sql } from "kysely";
import { migrations } from "./migrations/index.ts";
import type { Tables } from "./tables.ts";

/** Any number that no other program on the database uses: Central Nodes that start together migrate one after the other. */
const advisoryLock = 0x436f7264;

export async function migrate(db: Kysely<Tables>, kind: "sqlite" | "postgres"): Promise<void> {
  await db.transaction().execute(async (tx) => {
    if (kind === "postgres") await sql`select pg_advisory_xact_lock(${sql.lit(advisoryLock)})`.execute(tx);
    await sql`create table if not exists migrations (position integer primary key, name text not null)`.execute(tx);
    const done = await sql<{
      position: number;
      name: string;
    }>`select position, name from migrations order by position`.execute(tx);
    for (const row of done.rows) {
      const known = migrations[row.position - 1];
      if (known?.name !== row.name) {
        throw new Error(
          `the database was written by a newer or another Cordon (it has migration ${row.position} "${row.name}", this program has ${known === undefined ? "none there" : `"${known.name}"`}): start the newer program`,
        );
      }
    }
    for (const [index, migration] of migrations.entries()) {
      if (index < done.rows.length) continue;
      await migration.up(tx as unknown as Kysely<unknown>);
      await sql`insert into migrations (position, name) values (${index + 1}, ${migration.name})`.execute(tx);
    }
  });
}
