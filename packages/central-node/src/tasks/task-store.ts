import { compileOnce } from "../database/compile-once.ts";
import type { Reader, Tx } from "../database/database.ts";
import type { TaskRow } from "../database/tables.ts";

const columnsWithoutOutput = [
  ...(["task_id", "sensor_id", "action", "parameters", "start_now", "state", "created_at", "created_by"] as const),
  ...(["expires_at", "sent_at", "started_at", "finished_at", "cancel_requested_at", "deleted_at"] as const),
  ...(["reason", "detail", "exit_code", "stdout_truncated", "stderr_truncated"] as const),
] as const;

const findUnfinished = compileOnce((db, { sensorId }: { sensorId: string }) =>
  db.selectFrom("tasks").select("task_id").where("sensor_id", "=", sensorId).where("finished_at", "is", null).limit(1),
);

export const taskStore = {
  /** Reports whether the ID was free. */
  async insert(tx: Tx, row: TaskRow): Promise<boolean> {
    const result = await tx
      .insertInto("tasks")
      .values(row)
      .onConflict((conflict) => conflict.column("task_id").doNothing())
      .executeTakeFirst();
    return result.numInsertedOrUpdatedRows === 1n;
  },

  find(db: Reader | Tx, taskId: string): Promise<TaskRow | undefined> {
    return db.selectFrom("tasks").selectAll().where("task_id", "=", taskId).executeTakeFirst();
  },

  /** Without what the programs printed, which may be megabytes each. */
  async list(db: Reader, taskIds: readonly string[]): Promise<TaskRow[]> {
    if (taskIds.length === 0) return [];
    const rows = await db
      .selectFrom("tasks")
      .select(columnsWithoutOutput)
      .where("task_id", "in", taskIds)
      .where("deleted_at", "is", null)
      .execute();
    return rows.map((row) => ({ ...row, stdout: null, stderr: null }));
  },

  async update(tx: Tx, taskId: string, columns: Partial<TaskRow>): Promise<void> {
    // Nothing to set is no SQL statement.
    if (Object.keys(columns).length === 0) return;
    await tx.updateTable("tasks").set(columns).where("task_id", "=", taskId).execute();
  },

  /** What the host's agent has still to be told, oldest first: tasks to start, and those that it must give up. */
  listOpen(
    db: Reader | Tx,
    sensorId: string,
    { leaveOut, limit }: { leaveOut: string[]; limit: number },
  ): Promise<TaskRow[]> {
    let query = db
      .selectFrom("tasks")
      .selectAll()
      .where("sensor_id", "=", sensorId)
      .where("finished_at", "is", null)
      .where("start_now", "=", 1)
      .where("cancel_requested_at", "is", null);
    if (leaveOut.length > 0) query = query.where("task_id", "not in", leaveOut);
    return query.orderBy("created_at").orderBy("task_id").limit(limit).execute();
  },

  listToCancel(db: Reader, sensorId: string): Promise<{ task_id: string }[]> {
    return db
      .selectFrom("tasks")
      .select("task_id")
      .where("sensor_id", "=", sensorId)
      .where("finished_at", "is", null)
      .where("cancel_requested_at", "is not", null)
      .execute();
  },

  async listHostsWithUndelivered(db: Reader): Promise<string[]> {
    const rows = await db
      .selectFrom("tasks")
      .select("sensor_id")
      .distinct()
      .where("finished_at", "is", null)
      .where((eb) =>
        eb.or([
          eb("cancel_requested_at", "is not", null),
          eb.and([eb("start_now", "=", 1), eb("sent_at", "is", null)]),
        ]),
      )
      .execute();
    return rows.map((row) => row.sensor_id);
  },

  /** What every agent's contact asks, and hardly ever finds anything. */
  async hasUnfinished(db: Reader, sensorId: string): Promise<boolean> {
    return (await findUnfinished(db, { sensorId })).length > 0;
  },

  listUnfinished(tx: Tx, sensorId: string): Promise<TaskRow[]> {
    return tx
      .selectFrom("tasks")
      .selectAll()
      .where("sensor_id", "=", sensorId)
      .where("finished_at", "is", null)
      .execute();
  },

  listOverdue(tx: Tx, at: string): Promise<TaskRow[]> {
    return tx
      .selectFrom("tasks")
      .selectAll()
      .where("finished_at", "is", null)
      .where("state", "=", "waiting")
      .where("start_now", "=", 1)
      .where("cancel_requested_at", "is", null)
      .where("expires_at", "<=", at)
      .limit(1000)
      .execute();
  },

  async oldestWaiting(db: Reader): Promise<string | null> {
    const row = await db
      .selectFrom("tasks")
      .select((eb) => eb.fn.min("created_at").as("created_at"))
      .where("finished_at", "is", null)
      .where("state", "=", "waiting")
      .where("start_now", "=", 1)
      .executeTakeFirst();
    return row?.created_at ?? null;
  },
};
