import { compileOnce, rowOf } from "../database/compile-once.ts";
import type { Reader, Tx } from "../database/database.ts";
import type { SettingRow } from "../database/tables.ts";

const findOne = compileOnce((db, { target, action }: { target: string; action: string }) =>
  db.selectFrom("settings").selectAll().where("target", "=", target).where("action", "=", action),
);
const headsOf = (db: Reader) =>
  db.selectFrom("settings").select(["target", "action", "generation", "enabled", "ordered_at", "ends_at"]);
const headsOfHost = compileOnce((db, { sensorId }: { sensorId: string }) =>
  headsOf(db).where("target", "in", [sensorId, "all"]),
);
const reportsOfHost = compileOnce((db, { sensorId }: { sensorId: string }) =>
  db.selectFrom("setting_reports").selectAll().where("sensor_id", "=", sensorId),
);
const columns = {
  ...{ target: true, action: true, generation: true, wish: true, enabled: true, ordered_at: true, ordered_by: true },
  ...{ ends_at: true, digest: true, deltas_since: true, forgotten_at: true },
} as const;
const putOne = compileOnce((db, given: SettingRow) => {
  const row = rowOf(given, columns);
  return db
    .insertInto("settings")
    .values(row)
    .onConflict((conflict) => conflict.columns(["target", "action"]).doUpdateSet(row));
});

export const settingStore = {
  async find(db: Reader | Tx, target: string, action: string): Promise<SettingRow | undefined> {
    return (await findOne(db, { target, action }))[0];
  },

  /** Of some hosts and the one of all hosts, or every one; without the wishes, which may be large. */
  listHeads(db: Reader, sensorIds: readonly string[] | null) {
    const [sensorId] = sensorIds ?? [];
    if (sensorIds?.length === 1 && sensorId !== undefined) return headsOfHost(db, { sensorId });
    const heads = headsOf(db);
    return (sensorIds === null ? heads : heads.where("target", "in", [...sensorIds, "all"])).execute();
  },

  /** Of some targets, with their wishes. */
  listOf(db: Reader, targets: readonly string[], action: string): Promise<SettingRow[]> {
    if (targets.length === 0) return Promise.resolve([]);
    return db.selectFrom("settings").selectAll().where("target", "in", targets).where("action", "=", action).execute();
  },

  async listTargetsSince(db: Reader, since: string): Promise<string[]> {
    // No `distinct`: for it SQLite would walk all settings by target, and not the few of late by time.
    const rows = await db.selectFrom("settings").select("target").where("ordered_at", ">=", since).execute();
    return [...new Set(rows.map((row) => row.target))];
  },

  async put(tx: Tx, row: SettingRow): Promise<void> {
    await putOne(tx, row);
  },

  listReports(db: Reader, sensorIds: readonly string[] | null) {
    const [sensorId] = sensorIds ?? [];
    if (sensorIds?.length === 1 && sensorId !== undefined) return reportsOfHost(db, { sensorId });
    const reports = db.selectFrom("setting_reports").selectAll();
    return (sensorIds === null ? reports : reports.where("sensor_id", "in", sensorIds)).execute();
  },

  findReport(tx: Tx, sensorId: string, action: string) {
    return tx
      .selectFrom("setting_reports")
      .selectAll()
      .where("sensor_id", "=", sensorId)
      .where("action", "=", action)
      .where("scope", "=", "host")
      .executeTakeFirst();
  },

  /** When the oldest order of a single host was given that the host has not reported on. */
  async findOldestUnreported(db: Reader): Promise<string | null> {
    const row = await db
      .selectFrom("settings")
      .leftJoin("setting_reports", (join) =>
        join
          .onRef("setting_reports.sensor_id", "=", "settings.target")
          .onRef("setting_reports.action", "=", "settings.action")
          .on("setting_reports.scope", "=", "host"),
      )
      .select("settings.ordered_at")
      .where("settings.target", "<>", "all")
      .where((eb) =>
        eb.or([
          eb("setting_reports.generation", "is", null),
          eb("setting_reports.generation", "<", eb.ref("settings.generation")),
        ]),
      )
      .orderBy("settings.ordered_at")
      .limit(1)
      .executeTakeFirst();
    return row?.ordered_at ?? null;
  },

  async forget(tx: Tx, sensorId: string): Promise<void> {
    await tx.deleteFrom("settings").where("target", "=", sensorId).execute();
    await tx.deleteFrom("setting_reports").where("sensor_id", "=", sensorId).execute();
  },
};
