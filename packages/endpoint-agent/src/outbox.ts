import type { AgentMessage } from "@cordon/contract";
import type { Checkpoint } from "./checkpoint.ts";
import type { Clock } from "./host/clock.ts";
import type { Journal } from "./journal/journal.ts";
import type { Report } from "./journal/spool-store.ts";

/** One connection to a Central Node, as the agent's core sees it. */
export type Session = {
  /** Hands a message over. False: too much is on its way already, send no more until told that it drained. */
  send(message: AgentMessage): boolean;
  close(code: number, why: string): void;
};

export type Outbox = ReturnType<typeof createOutbox>;

/** A report that is not acknowledged after this long is sent again in the same session: the Central Node may have failed to keep it. */
const resendAfterMs = 60_000;

/** Keeps reports in the journal's spool until they are acknowledged, and sends what is there, oldest first. */
export function createOutbox({
  journal,
  clock,
  checkpoint,
}: {
  journal: Journal;
  clock: Clock;
  checkpoint: Checkpoint;
}) {
  let session: Session | null = null;
  let lastSent = 0;
  let congested = false;
  let stopResending: (() => void) | null = null;

  const outbox = {
    /** Within the caller's transaction; `announce` comes after it. */
    put(report: Report) {
      journal.spool.put(report);
    },
    /** What was put is durable. */
    announce() {
      checkpoint("report-spooled");
      outbox.flush();
    },
    /** The session is ready for reports: everything unacknowledged goes out again. */
    open(opened: Session) {
      session = opened;
      lastSent = 0;
      congested = false;
      outbox.flush();
    },
    close() {
      session = null;
      stopResending?.();
      stopResending = null;
    },
    drained() {
      if (!congested) return;
      congested = false;
      outbox.flush();
    },
    flush() {
      while (session !== null && !congested) {
        // One at a time: a report can hold megabytes of output.
        const [next] = journal.spool.after(lastSent, 1);
        if (next === undefined) break;
        congested = !session.send({ ...next.report, reportNumber: next.number });
        lastSent = next.number;
        checkpoint("report-sent");
      }
      if (session !== null && stopResending === null && journal.spool.count() > 0) {
        stopResending = clock.after(resendAfterMs, resend);
      }
    },
    acknowledged(reportId: string) {
      journal.spool.acknowledge(reportId);
      if (journal.spool.count() > 0) return;
      stopResending?.();
      stopResending = null;
    },
  };

  function resend() {
    stopResending = null;
    if (!congested) lastSent = 0;
    outbox.flush();
  }

  return outbox;
}
