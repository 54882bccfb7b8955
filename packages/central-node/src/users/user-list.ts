import { consoleRoles } from "@cordon/contract/console-api";
import { sql } from "kysely";
import type { Database } from "../database/database.ts";
import { type ListRequest, type ListSource, listPage } from "../database/list-query.ts";
import { userStore } from "./user-store.ts";

const source: ListSource = {
  from: sql`users u`,
  key: sql`u.user_id`,
  columns: {
    name: { kind: "text", sql: sql`u.name` },
    role: { kind: "choice", sql: sql`u.role`, choices: consoleRoles },
    state: {
      kind: "choice",
      sql: sql`case when u.disabled_at is null then 'active' else 'disabled' end`,
      choices: ["active", "disabled"],
    },
    createdAt: { kind: "time", sql: sql`u.created_at` },
    lastSignInAt: { kind: "time", sql: sql`u.last_sign_in_at` },
  },
  defaultSort: "name",
};

export async function listUsers(database: Pick<Database, "kind" | "read">, request: ListRequest) {
  const { keys, ...page } = await listPage(database, source, request);
  const rows = new Map((await userStore.listByIds(database.read, keys)).map((row) => [row.user_id, row]));
  return { ...page, rows: keys.flatMap((key) => rows.get(key) ?? []) };
}
