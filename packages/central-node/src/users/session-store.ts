import type { Reader, Tx } from "../database/database.ts";
import type { SessionRow, UserRow } from "../database/tables.ts";

export const sessionStore = {
  async insert(tx: Tx, row: SessionRow): Promise<void> {
    await tx.insertInto("sessions").values(row).execute();
  },

  /** The hot path: one look-up by a unique digest, with its user. */
  async findWithUser(db: Reader, digest: string): Promise<(SessionRow & { user: UserRow }) | undefined> {
    const session = await db.selectFrom("sessions").selectAll().where("secret_digest", "=", digest).executeTakeFirst();
    if (session === undefined) return undefined;
    const user = await db.selectFrom("users").selectAll().where("user_id", "=", session.user_id).executeTakeFirst();
    return user === undefined ? undefined : { ...session, user };
  },

  listOfUser: (db: Reader, userId: string): Promise<SessionRow[]> =>
    db
      .selectFrom("sessions")
      .selectAll()
      .where("user_id", "=", userId)
      .orderBy("created_at", "desc")
      .orderBy("session_id")
      .execute(),

  async touch(tx: Tx, sessionId: string, at: string): Promise<void> {
    await tx.updateTable("sessions").set({ last_seen_at: at }).where("session_id", "=", sessionId).execute();
  },

  async delete(tx: Tx, sessionId: string, userId: string): Promise<boolean> {
    const { numDeletedRows } = await tx
      .deleteFrom("sessions")
      .where("session_id", "=", sessionId)
      .where("user_id", "=", userId)
      .executeTakeFirst();
    return numDeletedRows > 0n;
  },

  /** `except`: a session that stays. */
  async deleteOfUser(tx: Tx, userId: string, except: string | null = null): Promise<void> {
    let query = tx.deleteFrom("sessions").where("user_id", "=", userId);
    if (except !== null) query = query.where("session_id", "!=", except);
    await query.execute();
  },

  async deleteEnded(tx: Tx, { now, idleSince }: { now: string; idleSince: string }): Promise<void> {
    await tx
      .deleteFrom("sessions")
      .where((eb) => eb.or([eb("expires_at", "<=", now), eb("last_seen_at", "<=", idleSince)]))
      .execute();
  },
};
