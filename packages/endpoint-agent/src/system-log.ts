/** The log of a running agent: JSON lines on standard error, each with its priority where journald reads them. */
import { fstatSync } from "node:fs";
import { pino } from "pino";
import type { Logger } from "./log.ts";

export function createSystemLog({ level, journalStream }: { level: string; journalStream: string | null }): Logger {
  // Synchronous: what was logged before a crash is what explains it.
  const output = pino.destination({ fd: 2, sync: true });
  const options = { name: "cordon-agent", level, errorKey: "error", base: { pid: process.pid } };
  if (!leadsToJournald(journalStream, fstatSync(2))) return pino(options, output);
  return pino(options, { write: (line: string) => output.write(withPriority(line)) });
}

/**
 * `journalStream` is $JOURNAL_STREAM, device and inode of what systemd gave us: standard error may have been led elsewhere
 * since, and a reader there has no use for priorities.
 */
export function leadsToJournald(journalStream: string | null, stderr: { dev: number; ino: number }): boolean {
  return journalStream === `${stderr.dev}:${stderr.ino}`;
}

/** `<3>{"level":50,…`: see sd-daemon(3). journald takes it off and keeps it as the entry's priority. */
export function withPriority(line: string): string {
  const level = Number(/^\{"level":(\d+)/.exec(line)?.[1] ?? 30);
  return `<${priorityOf(level)}>${line}`;
}

/** From pino's levels (debug 20, info 30, warn 40, error 50, fatal 60) to syslog's. */
function priorityOf(level: number): number {
  if (level >= 60) return 2;
  if (level >= 50) return 3;
  if (level >= 40) return 4;
  return level >= 30 ? 6 : 7;
}
