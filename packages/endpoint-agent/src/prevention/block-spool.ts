import { randomUUID } from "node:crypto";
import { describeFault, findFault, maxBlocksPerReport } from "@cordon/contract";
import { Block } from "@cordon/response-actions";
import type { Clock } from "../host/clock.ts";
import type { Journal } from "../journal/journal.ts";
import type { Logger } from "../log.ts";
import type { Session } from "../outbox.ts";
import { createBlockRate } from "./block-rate.ts";

/** How often merged blocks are looked at. */
const lookEveryMs = 10_000;
/** A report that is not acknowledged after this long is sent again: the Central Node may have failed to keep it. */
const resendAfterMs = 60_000;
/** Of one report, as JSON: far below what a frame takes. */
const maxReportCharacters = 1024 * 1024;

/** Keeps blocks until the Central Node has acknowledged them; one report is on its way at a time. */
export function createBlockSpool({ journal, clock, log }: { journal: Journal; clock: Clock; log: Logger }) {
  const rate = createBlockRate(clock.bootMs);
  let session: Session | null = null;
  let onItsWay: { reportId: string; eventIds: string[] } | null = null;
  let congested = false;
  let stopLooking: (() => void) | null = null;
  let stopResending: (() => void) | null = null;

  const spool = {
    /** Never throws: it is called from the enforcer's events. */
    take(block: Block) {
      try {
        const fault = findFault(Block, block);
        if (fault === null) {
          const passed = rate.pass(block);
          if (passed !== null) put([passed]);
          stopLooking ??= clock.after(lookEveryMs, look);
        } else {
          log.error({ fault: describeFault(fault) }, "a block that fits no shape was dropped");
          journal.blocks.addLost(1);
        }
      } catch (error) {
        log.error({ error, hash: block.hash, path: block.path }, "a block could not be written down");
      }
    },
    /** To a Central Node that knows blocks. What is not acknowledged goes out again. */
    open(opened: Session) {
      session = opened;
      onItsWay = null;
      congested = false;
      send();
    },
    closed() {
      session = null;
      onItsWay = null;
      stopResending?.();
      stopResending = null;
    },
    drained() {
      congested = false;
      send();
    },
    /** Reports whether it was one of these. */
    acknowledged(reportId: string): boolean {
      if (onItsWay?.reportId !== reportId) return false;
      const { eventIds } = onItsWay;
      journal.transaction(() => journal.blocks.acknowledge(eventIds));
      onItsWay = null;
      stopResending?.();
      stopResending = null;
      send();
      return true;
    },
    /** Writes down what is still merged in memory. */
    close() {
      stopLooking?.();
      stopLooking = null;
      spool.closed();
      put(rate.due({ all: true }));
    },
  };

  function look() {
    stopLooking = null;
    try {
      put(rate.due({ all: false }));
    } catch (error) {
      log.error({ error }, "merged blocks could not be written down");
    }
    if (!rate.isIdle()) stopLooking = clock.after(lookEveryMs, look);
  }

  function put(blocks: Block[]) {
    const lost = rate.takeLost();
    if (blocks.length === 0 && lost === 0) return;
    journal.transaction(() => {
      for (const block of blocks) journal.blocks.put(block);
      if (lost > 0) journal.blocks.addLost(lost);
    });
    send();
  }

  function send() {
    if (session === null || onItsWay !== null || congested) return;
    const blocks = withinBound(journal.blocks.oldest(maxBlocksPerReport));
    if (blocks.length === 0) return;
    const reportId = randomUUID();
    onItsWay = { reportId, eventIds: blocks.map(({ eventId }) => eventId) };
    stopResending = clock.after(resendAfterMs, () => {
      onItsWay = null;
      send();
    });
    congested = !session.send({ type: "block-report", reportId, blocks, lostInAll: journal.blocks.lostInAll() });
  }

  return spool;
}

/** As many as a report holds, and one at least. */
function withinBound(blocks: Block[]): Block[] {
  let characters = 0;
  return blocks.filter((block, index) => {
    characters += JSON.stringify(block).length;
    return index === 0 || characters <= maxReportCharacters;
  });
}
