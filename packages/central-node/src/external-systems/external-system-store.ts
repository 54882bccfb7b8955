import { compileOnce } from "../database/compile-once.ts";
import type { Database, Reader, Tx } from "../database/database.ts";
import type { ExternalSystemRow } from "../database/tables.ts";

export type PairKey = { idKey: string; fingerprint: string };
type Decision = { state: ExternalSystemRow["state"]; decidedAt: string; decidedBy: string };

const findPair = compileOnce((db, { idKey, fingerprint }: PairKey) =>
  db.selectFrom("external_systems").selectAll().where("id_key", "=", idKey).where("fingerprint", "=", fingerprint),
);

export const externalSystemStore = {
  /** The hot path: one look-up by the primary key. */
  async find(db: Reader, key: PairKey): Promise<ExternalSystemRow | undefined> {
    return (await findPair(db, key))[0];
  },

  listById: (db: Reader, idKey: string): Promise<ExternalSystemRow[]> =>
    db.selectFrom("external_systems").selectAll().where("id_key", "=", idKey).orderBy("first_seen_at").execute(),

  list: (db: Reader): Promise<ExternalSystemRow[]> =>
    db.selectFrom("external_systems").selectAll().orderBy("first_seen_at").orderBy("fingerprint").execute(),

  async countPending(db: Reader, { address, since }: { address: string; since: string }) {
    const rows = await db
      .selectFrom("external_systems")
      .select("address")
      .where("state", "=", "pending")
      .where("first_seen_at", ">=", since)
      .execute();
    return { total: rows.length, fromAddress: rows.filter((row) => row.address === address).length };
  },

  async insert(tx: Tx, row: ExternalSystemRow): Promise<void> {
    await tx.insertInto("external_systems").values(row).execute();
  },

  async deletePendingBefore(tx: Tx, before: string): Promise<void> {
    await tx
      .deleteFrom("external_systems")
      .where("state", "=", "pending")
      .where("first_seen_at", "<", before)
      .execute();
  },

  async decide(tx: Tx, { idKey, fingerprint }: PairKey, decision: Decision): Promise<void> {
    await tx
      .updateTable("external_systems")
      .set({ state: decision.state, decided_at: decision.decidedAt, decided_by: decision.decidedBy })
      .where("id_key", "=", idKey)
      .where("fingerprint", "=", fingerprint)
      .execute();
  },

  async setName(tx: Tx, { idKey, fingerprint }: PairKey, name: string | null): Promise<void> {
    await tx
      .updateTable("external_systems")
      .set({ name })
      .where("id_key", "=", idKey)
      .where("fingerprint", "=", fingerprint)
      .execute();
  },

  /** All in one commit. */
  addKnocks: (database: Database, knocks: (PairKey & { count: number; lastSeenAt: string })[]): Promise<void> =>
    database.write(async (tx) => {
      for (const { idKey, fingerprint, count, lastSeenAt } of knocks) {
        await tx
          .updateTable("external_systems")
          .set((eb) => ({ knocks: eb("knocks", "+", count), last_seen_at: lastSeenAt }))
          .where("id_key", "=", idKey)
          .where("fingerprint", "=", fingerprint)
          .execute();
      }
    }),
};
