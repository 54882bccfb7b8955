import type { Database } from "./database.ts";

/**
 * What all Central Nodes of a database share, a row of `meta`: the value that is there if it `isGood`, else the one that is
 * made now. Those that ask at once get the same.
 */
export async function readOrMakeValue(
  database: Pick<Database, "writeInTurn">,
  key: string,
  { isGood, make }: { isGood(value: string): boolean; make(): string },
): Promise<string> {
  return database.writeInTurn(async (tx) => {
    const row = await tx.selectFrom("meta").select("value").where("key", "=", key).executeTakeFirst();
    if (row !== undefined && isGood(row.value)) return row.value;
    const value = make();
    await tx
      .insertInto("meta")
      .values({ key, value })
      .onConflict((conflict) => conflict.column("key").doUpdateSet({ value }))
      .execute();
    return value;
  });
}
