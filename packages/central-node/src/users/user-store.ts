import type { Reader, Tx } from "../database/database.ts";
import type { UserRow } from "../database/tables.ts";

export const userStore = {
  list: (db: Reader): Promise<UserRow[]> => db.selectFrom("users").selectAll().orderBy("name_key").execute(),

  find: (db: Reader, nameKey: string): Promise<UserRow | undefined> =>
    db.selectFrom("users").selectAll().where("name_key", "=", nameKey).executeTakeFirst(),

  findById: (db: Reader, userId: string): Promise<UserRow | undefined> =>
    db.selectFrom("users").selectAll().where("user_id", "=", userId).executeTakeFirst(),

  findByExternalSubject: (db: Reader, subject: string): Promise<UserRow | undefined> =>
    db.selectFrom("users").selectAll().where("external_subject", "=", subject).executeTakeFirst(),

  async listByIds(db: Reader, userIds: string[]): Promise<UserRow[]> {
    if (userIds.length === 0) return [];
    return db.selectFrom("users").selectAll().where("user_id", "in", userIds).execute();
  },

  async insert(tx: Tx, row: UserRow): Promise<void> {
    await tx.insertInto("users").values(row).execute();
  },

  async update(tx: Tx, userId: string, change: Partial<Omit<UserRow, "user_id">>): Promise<void> {
    await tx.updateTable("users").set(change).where("user_id", "=", userId).execute();
  },

  async countEnabledAdministrators(db: Reader): Promise<number> {
    const rows = await db
      .selectFrom("users")
      .select("user_id")
      .where("role", "=", "administrator")
      .where("disabled_at", "is", null)
      .execute();
    return rows.length;
  },
};
