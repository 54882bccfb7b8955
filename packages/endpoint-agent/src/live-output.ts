import { maxLiveOutput } from "@cordon/contract";
import type { PrintedSoFar } from "@cordon/response-actions/enforcers";
import type { Session } from "./outbox.ts";

export type LiveOutput = ReturnType<typeof createLiveOutput>;

/** The first protocol that has it. */
const since = 2;

/** Tells what running programs have printed so far. What cannot be told now is left out: the next one has it too. */
export function createLiveOutput() {
  let session: Session | null = null;
  let congested = false;

  return {
    /** The session was welcomed. */
    opened(next: Session, protocol: number) {
      session = protocol < since ? null : next;
      congested = false;
    },
    closed() {
      session = null;
    },
    drained() {
      congested = false;
    },
    tell(taskId: string, { stdout, stderr, stdoutTruncated, stderrTruncated }: PrintedSoFar) {
      if (session === null || congested) return;
      congested = !session.send({
        type: "task-output",
        taskId,
        stdout: stdout.slice(-maxLiveOutput),
        stderr: stderr.slice(-maxLiveOutput),
        stdoutTruncated: stdoutTruncated || stdout.length > maxLiveOutput,
        stderrTruncated: stderrTruncated || stderr.length > maxLiveOutput,
      });
    },
  };
}
