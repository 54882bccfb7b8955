import { compileOnce } from "../database/compile-once.ts";
import type { Reader, Tx } from "../database/database.ts";
import type { JoinTokenRow } from "../database/tables.ts";

const findOne = compileOnce((db, { digest }: { digest: string }) =>
  db.selectFrom("join_tokens").selectAll().where("secret_digest", "=", digest),
);
const takeUse = compileOnce((db, { digest, at }: { digest: string; at: string }) =>
  db
    .updateTable("join_tokens")
    .set((eb) => ({ uses_left: eb("uses_left", "-", 1) }))
    .where("secret_digest", "=", digest)
    .where("uses_left", ">", 0)
    .where("expires_at", ">", at)
    .returning("id"),
);

export const joinTokenStore = {
  insert: async (tx: Tx, row: JoinTokenRow): Promise<void> => {
    await tx.insertInto("join_tokens").values(row).execute();
  },

  list: (db: Reader): Promise<JoinTokenRow[]> =>
    db.selectFrom("join_tokens").selectAll().orderBy("created_at").orderBy("id").execute(),

  async findByDigest(db: Reader, digest: string): Promise<JoinTokenRow | undefined> {
    return (await findOne(db, { digest }))[0];
  },

  /** Takes one use if there is one left; of two who come at once for the last one, one gets it. */
  async consume(tx: Tx, digest: string, at: string): Promise<{ id: string } | undefined> {
    return (await takeUse(tx, { digest, at }))[0];
  },

  async delete(tx: Tx, id: string): Promise<boolean> {
    const { numDeletedRows } = await tx.deleteFrom("join_tokens").where("id", "=", id).executeTakeFirst();
    return numDeletedRows > 0n;
  },

  async deleteExpired(tx: Tx, before: string): Promise<void> {
    await tx.deleteFrom("join_tokens").where("expires_at", "<", before).execute();
  },
};
