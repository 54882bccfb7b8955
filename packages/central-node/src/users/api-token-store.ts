import type { Reader, Tx } from "../database/database.ts";
import type { ApiTokenRow, UserRow } from "../database/tables.ts";

export const apiTokenStore = {
  async insert(tx: Tx, row: ApiTokenRow): Promise<void> {
    await tx.insertInto("api_tokens").values(row).execute();
  },

  async findWithUser(db: Reader, digest: string): Promise<(ApiTokenRow & { user: UserRow }) | undefined> {
    const token = await db.selectFrom("api_tokens").selectAll().where("secret_digest", "=", digest).executeTakeFirst();
    if (token === undefined) return undefined;
    const user = await db.selectFrom("users").selectAll().where("user_id", "=", token.user_id).executeTakeFirst();
    return user === undefined ? undefined : { ...token, user };
  },

  listOfUser: (db: Reader, userId: string): Promise<ApiTokenRow[]> =>
    db
      .selectFrom("api_tokens")
      .selectAll()
      .where("user_id", "=", userId)
      .orderBy("created_at", "desc")
      .orderBy("token_id")
      .execute(),

  async touch(tx: Tx, tokenId: string, at: string): Promise<void> {
    await tx.updateTable("api_tokens").set({ last_used_at: at }).where("token_id", "=", tokenId).execute();
  },

  async delete(tx: Tx, tokenId: string, userId: string): Promise<boolean> {
    const { numDeletedRows } = await tx
      .deleteFrom("api_tokens")
      .where("token_id", "=", tokenId)
      .where("user_id", "=", userId)
      .executeTakeFirst();
    return numDeletedRows > 0n;
  },

  async deleteOfUser(tx: Tx, userId: string): Promise<void> {
    await tx.deleteFrom("api_tokens").where("user_id", "=", userId).execute();
  },
};
