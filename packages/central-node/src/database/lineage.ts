import { randomUUID } from "node:crypto";
import type { Database } from "./database.ts";

/** Names the history of this database; a restored backup has another one (see the agent protocol's Welcome). */
export async function readOrMakeLineage(database: Database): Promise<string> {
  return database.writeInTurn(async (tx) => {
    const row = await tx.selectFrom("meta").select("value").where("key", "=", "lineage").executeTakeFirst();
    if (row !== undefined) return row.value;
    const lineage = randomUUID();
    await tx.insertInto("meta").values({ key: "lineage", value: lineage }).execute();
    return lineage;
  });
}
