import type { TaskOutput, TaskReport } from "@cordon/contract";
import type { Actor } from "../audit/actor.ts";
import type { TaskOutputRow, TaskRow } from "../database/tables.ts";
import { cleanText } from "../text/clean-text.ts";
import { cleanTimestamp } from "../text/clean-timestamp.ts";

export type Task = ReturnType<typeof toTask>;

/** The columns of a task that no agent has been given. */
export const undelivered = {
  sent_at: null,
  started_at: null,
  finished_at: null,
  cancel_requested_at: null,
  deleted_at: null,
  reason: null,
  detail: null,
  exit_code: null,
  stdout: null,
  stderr: null,
  stdout_truncated: 0,
  stderr_truncated: 0,
} as const;

/** The columns that a report of the task's agent changes. `receivedAt`: ISO 8601, where the report names no time or an impossible one. */
export function reported(task: TaskRow, report: TaskReport, receivedAt: string): Partial<TaskRow> {
  const startedAt = report.startedAt === undefined ? task.started_at : cleanTimestamp(report.startedAt, receivedAt);
  if (report.state === "running") return { state: "running", started_at: startedAt ?? receivedAt };
  // A task that a deadline stopped did not fail by itself: EXPIRED, set with the request, stands. One that ran after all did not expire.
  const expired = report.state === "cancelled" && task.reason === "EXPIRED";
  return {
    state: expired ? "failed" : (report.state as TaskRow["state"]),
    started_at: startedAt,
    finished_at: report.finishedAt === undefined ? receivedAt : cleanTimestamp(report.finishedAt, receivedAt),
    reason: expired ? task.reason : report.reason === undefined ? null : cleanText(report.reason, 64),
    detail: expired ? task.detail : report.detail === undefined ? null : cleanText(report.detail, 4096),
    exit_code: report.exitCode ?? null,
    stdout: report.stdout === undefined ? null : withoutNul(report.stdout),
    stderr: report.stderr === undefined ? null : withoutNul(report.stderr),
    stdout_truncated: report.stdoutTruncated === true ? 1 : 0,
    stderr_truncated: report.stderrTruncated === true ? 1 : 0,
  };
}

export function outputRow(output: TaskOutput, receivedAt: string): TaskOutputRow {
  return {
    task_id: output.taskId.toLowerCase(),
    stdout: withoutNul(output.stdout),
    stderr: withoutNul(output.stderr),
    stdout_truncated: output.stdoutTruncated ? 1 : 0,
    stderr_truncated: output.stderrTruncated ? 1 : 0,
    received_at: receivedAt,
  };
}

/** PostgreSQL's text holds no NUL; everything else of a program's output is kept. */
function withoutNul(output: string): string {
  return output.replaceAll("\0", "\uFFFD");
}

/** What other slices and callers see of a task. */
export function toTask(row: TaskRow) {
  return {
    taskId: row.task_id,
    sensorId: row.sensor_id,
    action: row.action,
    parameters: JSON.parse(row.parameters) as Record<string, unknown>,
    startNow: row.start_now === 1,
    state: row.state,
    createdAt: row.created_at,
    createdBy: JSON.parse(row.created_by) as Actor,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
    reason: row.reason,
    detail: row.detail,
    exitCode: row.exit_code,
    stdout: row.stdout,
    stderr: row.stderr,
    stdoutTruncated: row.stdout_truncated === 1,
    stderrTruncated: row.stderr_truncated === 1,
  };
}
