import { sql } from "kysely";
import { compileOnce } from "../database/compile-once.ts";
import type { Reader, Tx } from "../database/database.ts";
import type { BlockCountRow, BlockEventRow } from "../database/tables.ts";

/** Which blocks are asked for; what is absent does not matter. */
export type BlockFilter = { sensorId?: string; hash?: string };
type Scope = "host" | "all";

const sumsSince = (db: Reader, sinceHour: string) =>
  db
    .selectFrom("block_hours")
    .select((eb) => ["sensor_id", "scope", eb.fn.sum("blocks").as("blocks")])
    .where("hour", ">=", sinceHour)
    .groupBy(["sensor_id", "scope"]);
const sumsOfHost = compileOnce((db, { sensorId, sinceHour }: { sensorId: string; sinceHour: string }) =>
  sumsSince(db, sinceHour).where("sensor_id", "=", sensorId),
);

export const blockStore = {
  /** Reports whether it was news: an event that is told again is one. */
  async insertEvent(tx: Tx, row: BlockEventRow): Promise<boolean> {
    const result = await tx
      .insertInto("block_events")
      .values(row)
      .onConflict((conflict) => conflict.columns(["sensor_id", "event_id"]).doNothing())
      .executeTakeFirst();
    return result.numInsertedOrUpdatedRows !== 0n;
  },

  async addToCount(tx: Tx, row: BlockCountRow): Promise<void> {
    await tx
      .insertInto("block_counts")
      .values(row)
      .onConflict((conflict) =>
        conflict.columns(["sensor_id", "scope", "hash"]).doUpdateSet((eb) => ({
          blocks: eb("block_counts.blocks", "+", row.blocks),
          first_at: eb
            .case()
            .when("block_counts.first_at", "<", row.first_at)
            .then(eb.ref("block_counts.first_at"))
            .else(row.first_at)
            .end(),
          last_at: eb
            .case()
            .when("block_counts.last_at", ">", row.last_at)
            .then(eb.ref("block_counts.last_at"))
            .else(row.last_at)
            .end(),
        })),
      )
      .execute();
  },

  async addToHour(tx: Tx, row: { sensor_id: string; scope: Scope; hour: string; blocks: number }): Promise<void> {
    await tx
      .insertInto("block_hours")
      .values(row)
      .onConflict((conflict) =>
        conflict
          .columns(["sensor_id", "scope", "hour"])
          .doUpdateSet((eb) => ({ blocks: eb("block_hours.blocks", "+", row.blocks) })),
      )
      .execute();
  },

  listEvents(db: Reader, filter: BlockFilter, limit: number): Promise<BlockEventRow[]> {
    let query = db.selectFrom("block_events").selectAll();
    if (filter.sensorId !== undefined) query = query.where("sensor_id", "=", filter.sensorId);
    if (filter.hash !== undefined) query = query.where("hash", "=", filter.hash);
    return query.orderBy("received_at", "desc").orderBy("at", "desc").orderBy("event_id").limit(limit).execute();
  },

  listCounts(db: Reader, filter: BlockFilter, limit: number): Promise<BlockCountRow[]> {
    let query = db.selectFrom("block_counts").selectAll();
    if (filter.sensorId !== undefined) query = query.where("sensor_id", "=", filter.sensorId);
    if (filter.hash !== undefined) query = query.where("hash", "=", filter.hash);
    return query.orderBy("last_at", "desc").orderBy("hash").orderBy("sensor_id").limit(limit).execute();
  },

  async listLosses(db: Reader, { sensorId }: BlockFilter): Promise<{ sensorId: string; lost: number }[]> {
    const query = db.selectFrom("block_losses").selectAll().orderBy("sensor_id");
    const rows = await (sensorId === undefined ? query : query.where("sensor_id", "=", sensorId)).execute();
    return rows.map((row) => ({ sensorId: row.sensor_id, lost: row.lost + row.lost_before }));
  },

  /** `sinceHour`: as in the table. Of one host, or of all. */
  async sumHours(
    db: Reader,
    sensorId: string | null,
    sinceHour: string,
  ): Promise<{ sensorId: string; scope: Scope; blocks: number }[]> {
    const rows =
      sensorId === null ? await sumsSince(db, sinceHour).execute() : await sumsOfHost(db, { sensorId, sinceHour });
    // PostgreSQL gives a sum of bigints as text.
    return rows.map((row) => ({ sensorId: row.sensor_id, scope: row.scope, blocks: Number(row.blocks) }));
  },

  findLosses: (tx: Tx, sensorId: string) =>
    tx.selectFrom("block_losses").selectAll().where("sensor_id", "=", sensorId).executeTakeFirst(),

  async putLosses(
    tx: Tx,
    row: { sensor_id: string; journal_id: string; lost: number; lost_before: number },
  ): Promise<void> {
    await tx
      .insertInto("block_losses")
      .values(row)
      .onConflict((conflict) => conflict.column("sensor_id").doUpdateSet(row))
      .execute();
  },

  async forget(tx: Tx, sensorId: string): Promise<void> {
    await tx.deleteFrom("block_events").where("sensor_id", "=", sensorId).execute();
    await tx.deleteFrom("block_counts").where("sensor_id", "=", sensorId).execute();
    await tx.deleteFrom("block_hours").where("sensor_id", "=", sensorId).execute();
    await tx.deleteFrom("block_losses").where("sensor_id", "=", sensorId).execute();
  },

  async forgetBefore(tx: Tx, before: { event: string; count: string; hour: string }): Promise<void> {
    await tx.deleteFrom("block_events").where("received_at", "<", before.event).execute();
    await tx.deleteFrom("block_counts").where("last_at", "<", before.count).execute();
    await tx.deleteFrom("block_hours").where("hour", "<", before.hour).execute();
  },

  /** Leaves each host its newest events, and all of them together the newest of these. */
  async forgetOldestEvents(tx: Tx, most: { ofHost: number; inAll: number }): Promise<void> {
    for (const sensorId of await listCrowded(tx, "block_events", most.ofHost)) {
      const oldest = await tx
        .selectFrom("block_events")
        .select("received_at")
        .where("sensor_id", "=", sensorId)
        .orderBy("received_at", "desc")
        .offset(most.ofHost)
        .limit(1)
        .executeTakeFirst();
      if (oldest === undefined) continue;
      await tx
        .deleteFrom("block_events")
        .where("sensor_id", "=", sensorId)
        .where("received_at", "<=", oldest.received_at)
        .execute();
    }
    const oldest = await tx
      .selectFrom("block_events")
      .select("received_at")
      .orderBy("received_at", "desc")
      .offset(most.inAll)
      .limit(1)
      .executeTakeFirst();
    if (oldest !== undefined)
      await tx.deleteFrom("block_events").where("received_at", "<=", oldest.received_at).execute();
  },

  /** A host may name any hash: it cannot fill the table with them. */
  async forgetOldestCounts(tx: Tx, mostOfHost: number): Promise<void> {
    for (const sensorId of await listCrowded(tx, "block_counts", mostOfHost)) {
      const oldest = await tx
        .selectFrom("block_counts")
        .select("last_at")
        .where("sensor_id", "=", sensorId)
        .orderBy("last_at", "desc")
        .offset(mostOfHost)
        .limit(1)
        .executeTakeFirst();
      if (oldest === undefined) continue;
      await tx
        .deleteFrom("block_counts")
        .where("sensor_id", "=", sensorId)
        .where("last_at", "<=", oldest.last_at)
        .execute();
    }
  },
};

async function listCrowded(tx: Tx, table: "block_events" | "block_counts", most: number): Promise<string[]> {
  const { rows } = await sql<{ sensor_id: string }>`
    select sensor_id from ${sql.table(table)} group by sensor_id having count(*) > ${sql.lit(most)}`.execute(tx);
  return rows.map((row) => row.sensor_id);
}
