import { type RawBuilder, sql } from "kysely";
import type { Database } from "./database.ts";

/** A text member of a column that holds a JSON record; null where it is missing or null. */
export function memberOf(kind: Database["kind"], column: RawBuilder<unknown>, name: string): RawBuilder<string | null> {
  return kind === "sqlite"
    ? sql<string | null>`(${column} ->> ${sql.lit(name)})`
    : sql<string | null>`(${column}::json ->> ${sql.lit(name)})`;
}
