import { type Kysely, sql } from "kysely";
import type { Migration } from "./migration.ts";

/** The sweep asks every few seconds for what was ordered lately: its cost must not grow with the hosts. */
export const ordersByTime: Migration = {
  name: "0005-orders-by-time",
  async up(db: Kysely<unknown>) {
    await sql`create index settings_by_time on settings (ordered_at)`.execute(db);
  },
};
