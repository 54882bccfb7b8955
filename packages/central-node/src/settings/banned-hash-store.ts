import type { Reader, Tx } from "../database/database.ts";

/** Bound on the values of one statement: SQLite takes 32,766, PostgreSQL 65,535. */
const hashesPerStatement = 1000;

/** Which scopes ban a hash: kept in step with the wishes of prevention, in their transactions. */
export const bannedHashStore = {
  async replace(tx: Tx, target: string, hashes: string[]): Promise<void> {
    await tx.deleteFrom("banned_hashes").where("target", "=", target).execute();
    for (const some of inParts(hashes)) {
      await tx
        .insertInto("banned_hashes")
        .values(some.map((hash) => ({ hash, target })))
        .execute();
      // A rule of 100,000 hashes takes a while; on SQLite nothing else would run meanwhile.
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  },

  /** Those of `hashes` that are banned by a scope which conflicts with `target`. */
  async listConflicting(tx: Tx, target: string, hashes: string[]): Promise<Set<string>> {
    const found = new Set<string>();
    for (const some of inParts(hashes)) {
      const query = tx.selectFrom("banned_hashes").select("hash").distinct().where("hash", "in", some);
      const rows = await (target === "all"
        ? query.where("target", "<>", "all")
        : query.where("target", "=", "all")
      ).execute();
      for (const { hash } of rows) found.add(hash);
    }
    return found;
  },

  async listHostsWith(db: Reader | Tx, hash: string): Promise<string[]> {
    const rows = await db
      .selectFrom("banned_hashes")
      .select("target")
      .where("hash", "=", hash)
      .where("target", "<>", "all")
      .orderBy("target")
      .execute();
    return rows.map((row) => row.target);
  },
};

function* inParts(hashes: string[]): Iterable<string[]> {
  for (let start = 0; start < hashes.length; start += hashesPerStatement)
    yield hashes.slice(start, start + hashesPerStatement);
}
