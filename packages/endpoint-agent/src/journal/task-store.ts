import type { TaskReport } from "@cordon/contract";
import type { ProcessIdentity } from "@cordon/response-actions/enforcers";
import type { JournalDatabase } from "./journal-database.ts";

/**
 * accepted  will be started
 * starting  may have been started: from here on it is never started again
 * running   was started, as `process`
 * done      nothing more will happen; `report` says what came of it
 */
export type TaskStep = "accepted" | "starting" | "running" | "done";

export type TaskRecord = {
  taskId: string;
  /** Empty for a task that was cancelled before it was ever ordered. */
  action: string;
  parameters: object;
  step: TaskStep;
  process: ProcessIdentity | null;
  /** The newest report, without output. */
  report: Omit<TaskReport, "type" | "reportId" | "taskId" | "stdout" | "stderr">;
};

/** How many tasks that are done are remembered, so that one ordered again is not started again. */
const rememberedTasks = 10_000;

export function createTaskStore({ prepare }: JournalDatabase) {
  return {
    find(taskId: string): TaskRecord | null {
      const row = prepare("SELECT body FROM task WHERE task_id = ?").get(taskId);
      return row === undefined ? null : toRecord(row);
    },
    /** In the order in which they were taken. */
    unfinished(): TaskRecord[] {
      return prepare("SELECT body FROM task WHERE step <> 'done' ORDER BY number").all().map(toRecord);
    },
    put(record: TaskRecord) {
      prepare(
        `INSERT INTO task (task_id, step, body) VALUES (?, ?, ?)
         ON CONFLICT (task_id) DO UPDATE SET step = excluded.step, body = excluded.body`,
      ).run(record.taskId, record.step, JSON.stringify(record));
    },
    /** Forgets the oldest of those that are done and whose report was acknowledged. */
    prune() {
      prepare(
        `DELETE FROM task WHERE step = 'done'
         AND number <= (SELECT number FROM task WHERE step = 'done' ORDER BY number DESC LIMIT 1 OFFSET ?)
         AND NOT EXISTS (SELECT 1 FROM report WHERE subject = 'task ' || task_id)`,
      ).run(rememberedTasks);
    },
  };
}

// Only `put` writes this column.
const toRecord = (row: Record<string, unknown>) => JSON.parse(String(row.body)) as TaskRecord;
