import type { Reader, Tx } from "../database/database.ts";
import type { TaskOutputRow } from "../database/tables.ts";

export const taskOutputStore = {
  async put(tx: Tx, row: TaskOutputRow): Promise<void> {
    await tx
      .insertInto("task_outputs")
      .values(row)
      .onConflict((conflict) => conflict.column("task_id").doUpdateSet(row))
      .execute();
  },

  async find(db: Reader, taskId: string): Promise<TaskOutputRow | null> {
    const row = await db.selectFrom("task_outputs").selectAll().where("task_id", "=", taskId).executeTakeFirst();
    return row ?? null;
  },

  async forget(tx: Tx, taskId: string): Promise<void> {
    await tx.deleteFrom("task_outputs").where("task_id", "=", taskId).execute();
  },
};
