import type { Tx } from "../database/database.ts";

type Claim = { userId: string; key: string; what: string; at: string; since: string };

export const idempotentCallStore = {
  /** Takes the key, unless somebody has it since `since`: then what it was taken for is returned. */
  async claim(
    tx: Tx,
    { userId, key, what, at, since }: Claim,
  ): Promise<{ what: string; answer: string | null } | undefined> {
    await tx
      .deleteFrom("idempotent_calls")
      .where("user_id", "=", userId)
      .where("key", "=", key)
      .where("claimed_at", "<", since)
      .execute();
    const earlier = await tx
      .selectFrom("idempotent_calls")
      .select(["what", "answer"])
      .where("user_id", "=", userId)
      .where("key", "=", key)
      .executeTakeFirst();
    if (earlier !== undefined) return earlier;
    await tx
      .insertInto("idempotent_calls")
      .values({ user_id: userId, key, what, claimed_at: at, answer: null })
      .execute();
    return undefined;
  },

  async release(tx: Tx, userId: string, key: string): Promise<void> {
    await tx.deleteFrom("idempotent_calls").where("user_id", "=", userId).where("key", "=", key).execute();
  },

  async answer(tx: Tx, { userId, key, answer }: { userId: string; key: string; answer: string }): Promise<void> {
    await tx
      .updateTable("idempotent_calls")
      .set({ answer })
      .where("user_id", "=", userId)
      .where("key", "=", key)
      .execute();
  },

  async deleteBefore(tx: Tx, before: string): Promise<void> {
    await tx.deleteFrom("idempotent_calls").where("claimed_at", "<", before).execute();
  },
};
