import { setTimeout } from "node:timers/promises";
import { failure } from "@cordon/terminal";
import { Kysely, PostgresDialect } from "kysely";
import pg from "pg";
import { isLockTimeout, migrate } from "./migrate.ts";
import type { Migration } from "./migrations/migration.ts";
import type { Tables } from "./tables.ts";

/** Longer than any transaction of a Central Node may take, so that only a stranger's lock ends the attempts. */
const triesForMs = 60_000;

/**
 * Migrates a database that other Central Nodes may be using, over a connection of its own: a migration may take longer than
 * the bounds that orders have. A table that is in use is tried for again and again, between which the others go on.
 */
export async function migratePostgres(url: string, known?: readonly Migration[]): Promise<void> {
  const pool = new pg.Pool({
    connectionString: url,
    max: 1,
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
    // For the turn among nodes that start together; shorter once it has that.
    lock_timeout: triesForMs,
    application_name: "cordon-migration",
  });
  pool.on("error", () => {});
  pool.on("connect", (client) => client.on("error", () => {}));
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
  const giveUpAt = performance.now() + triesForMs;
  try {
    for (;;) {
      try {
        await migrate(db, "postgres", known);
        return;
      } catch (error) {
        if (!isLockTimeout(error)) throw error;
        if (performance.now() > giveUpAt) {
          throw failure(
            "REFUSED",
            "a table that the migration changes is locked; nothing was changed. End the session that holds it (select * from pg_stat_activity), and start again",
            { cause: error },
          );
        }
      }
      // Whoever queued behind the attempt has its turn first.
      await setTimeout(200 + Math.random() * 300);
    }
  } finally {
    await db.destroy();
  }
}
