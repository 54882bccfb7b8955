import type { PreventionSet } from "@cordon/contract";
import type { DesiredState } from "../desired-state.ts";
import type { Clock } from "../host/clock.ts";
import type { Journal } from "../journal/journal.ts";
import type { Logger } from "../log.ts";
import type { Outbox, Session } from "../outbox.ts";
import { createBlockSpool } from "./block-spool.ts";
import { createPreventionAlarms } from "./prevention-alarms.ts";
import { createPreventionSets } from "./prevention-sets.ts";

/** The first protocol that has sets and blocks. */
const since = 2;

/** How far the look for banned files on the host's disks has come. */
export type PreventionScan = { state: "running" | "done"; filesSeen: number; filesFound: number };

/** What prevention has beside other settings: rules in parts, blocks, alarms. */
export function createPrevention({
  journal,
  outbox,
  desiredState,
  clock,
  log,
}: {
  journal: Journal;
  outbox: Outbox;
  desiredState: DesiredState;
  clock: Clock;
  log: Logger;
}) {
  let session: Session | null = null;
  let scan: PreventionScan | null = null;
  const sets = createPreventionSets({ journal, desiredState, send: (message) => session?.send(message), log });
  const blocks = createBlockSpool({ journal, clock, log });
  const lookAgain = () => desiredState.verify("prevention");
  const alarms = createPreventionAlarms({ journal, outbox, lookAgain, clock, log });

  return {
    takePart: (set: PreventionSet, lineage: string) => sets.takePart(set, lineage),
    takeBlock: blocks.take,
    takeAlarm: alarms.take,
    takeScan(progress: PreventionScan) {
      scan = progress;
      if (progress.state === "done") log.info({ scan }, "prevention: looked for banned files");
    },
    /** The newest, as `status` shows it; null: none since the start. */
    scan: () => scan,
    /** Reports whether it was a report of blocks. */
    acknowledged: blocks.acknowledged,
    drained: blocks.drained,
    blocksWaiting: () => journal.blocks.count(),
    /** The session was welcomed. */
    opened(next: Session, protocol: number) {
      if (protocol < since) return;
      session = next;
      blocks.open(next);
    },
    closed() {
      session = null;
      sets.reset();
      blocks.closed();
    },
    close() {
      alarms.close();
      blocks.close();
    },
  };
}
