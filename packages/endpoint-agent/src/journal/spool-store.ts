import type { SettingReport, TaskReport } from "@cordon/contract";
import type { JournalDatabase } from "./journal-database.ts";

export type Report = SettingReport | TaskReport;
export type SpooledReport = { number: number; report: Report };

/** `maxOutputBytes`: how much output of tasks waits at most, in all. */
export type SpoolLimits = { maxOutputBytes: number };

const defaultLimits: SpoolLimits = { maxOutputBytes: 32 * 1024 * 1024 };

/**
 * Reports that are not acknowledged yet. A newer report about the same setting or task takes the older one's place: it
 * says all that the older one said. Numbers only rise.
 */
export function createSpoolStore({ prepare }: JournalDatabase, limits: SpoolLimits = defaultLimits) {
  const store = {
    put(report: Report) {
      const subject = subjectOf(report);
      prepare("DELETE FROM report WHERE subject = ?").run(subject);
      prepare("INSERT INTO report (report_id, subject, body, output_bytes) VALUES (?, ?, ?, ?)").run(
        report.reportId,
        subject,
        JSON.stringify(report),
        outputBytesOf(report),
      );
      dropOldestOutput();
    },
    /** The next reports after `number`, oldest first. */
    after(number: number, limit: number): SpooledReport[] {
      return prepare("SELECT number, body FROM report WHERE number > ? ORDER BY number LIMIT ?")
        .all(number, limit)
        .map(toSpooled);
    },
    /** Reports whether it was there: a second acknowledgement, or one for a report since replaced, finds nothing. */
    acknowledge(reportId: string): boolean {
      return prepare("DELETE FROM report WHERE report_id = ?").run(reportId).changes > 0;
    },
    has(report: Pick<SettingReport, "type" | "action" | "scope"> | Pick<TaskReport, "type" | "taskId">): boolean {
      return prepare("SELECT 1 FROM report WHERE subject = ?").get(subjectOf(report)) !== undefined;
    },
    count(): number {
      return Number(prepare("SELECT count(*) AS reports FROM report").get()?.reports);
    },
    /** Reports about generations of a lineage that is over mean nothing to anybody. */
    dropSettingReports() {
      prepare("DELETE FROM report WHERE subject LIKE 'setting %'").run();
    },
  };

  /** What came of a task is never dropped; of its output the oldest goes first. */
  function dropOldestOutput() {
    let waiting = Number(prepare("SELECT total(output_bytes) AS bytes FROM report").get()?.bytes);
    while (waiting > limits.maxOutputBytes) {
      const row = prepare("SELECT number, body FROM report WHERE output_bytes > 0 ORDER BY number LIMIT 1").get();
      if (row === undefined) return;
      const { number, report } = toSpooled(row);
      // Only a task's report has output.
      if (report.type !== "task-report") return;
      waiting -= outputBytesOf(report);
      const detail = "its output was dropped: too much of it waited to be sent";
      const body: TaskReport = {
        ...report,
        stdout: "",
        stderr: "",
        stdoutTruncated: true,
        stderrTruncated: true,
        detail,
      };
      prepare("UPDATE report SET body = ?, output_bytes = 0 WHERE number = ?").run(JSON.stringify(body), number);
    }
  }

  return store;
}

function subjectOf(
  report: Pick<SettingReport, "type" | "action" | "scope"> | Pick<TaskReport, "type" | "taskId">,
): string {
  return report.type === "task-report" ? `task ${report.taskId}` : `setting ${report.action} ${report.scope}`;
}

function outputBytesOf(report: Report): number {
  if (report.type !== "task-report") return 0;
  return Buffer.byteLength(report.stdout ?? "") + Buffer.byteLength(report.stderr ?? "");
}

// Only `put` and `dropOldestOutput` write this column.
const toSpooled = (row: Record<string, unknown>): SpooledReport => ({
  number: Number(row.number),
  report: JSON.parse(String(row.body)) as Report,
});
