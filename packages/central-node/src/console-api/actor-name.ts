import { sql } from "kysely";
import type { Database } from "../database/database.ts";
import { memberOf } from "../database/json-member.ts";

/** What `describeActor` says of the actor in a JSON column, for filters and sorting. */
export function actorNameSql(kind: Database["kind"], column: string) {
  const actor = sql.ref(column);
  return sql`(${memberOf(kind, actor, "kind")} || ':' || ${memberOf(kind, actor, "id")})`;
}
