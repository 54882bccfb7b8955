import { type RawBuilder, sql } from "kysely";
import type { Database } from "./database.ts";

/**
 * Values in any number as one parameter, for `in (…)`: a list of parameters is bounded (32,766 on SQLite, 65,535 on
 * PostgreSQL), and costs far more to prepare.
 */
export function listOf(kind: Database["kind"], values: readonly string[]): RawBuilder<string> {
  const json = JSON.stringify(values);
  return kind === "sqlite"
    ? sql<string>`(select value from json_each(${json}))`
    : sql<string>`(select value from json_array_elements_text(${json}::json))`;
}

/** A table `given` of the columns named, to insert from or to join with. `null` and text as they are, numbers as bigint. */
export function tableOf<Column extends string>(
  kind: Database["kind"],
  columns: Record<Column, "text" | "bigint">,
  rows: readonly Record<Column, string | number | null>[],
): RawBuilder<Record<Column, unknown>> {
  const json = JSON.stringify(rows);
  const names = Object.keys(columns) as Column[];
  if (kind === "sqlite") {
    const members = names.map((name) => sql`value ->> ${sql.lit(name)} as ${sql.ref(name)}`);
    return sql`(select ${sql.join(members)} from json_each(${json}))`;
  }
  const members = names.map((name) => sql`${sql.ref(name)} ${sql.raw(columns[name])}`);
  return sql`(select * from json_to_recordset(${json}::json) as given (${sql.join(members)}))`;
}
