import { type BlockReport, findFault } from "@cordon/contract";
import { Block } from "@cordon/response-actions";
import type { Changes } from "../changes/changes.ts";
import type { Database } from "../database/database.ts";
import type { BlockEventRow } from "../database/tables.ts";
import type { HostService } from "../hosts/host-service.ts";
import type { BlockCounts } from "../metrics/metrics.ts";
import { cleanText } from "../text/clean-text.ts";
import { cleanTimestamp } from "../text/clean-timestamp.ts";
import { type BlockFilter, blockStore } from "./block-store.ts";

export type BlockEvent = Block & { sensorId: string; receivedAt: string };
/** How often a file of a rule was blocked on a host. */
export type BlockCount = {
  hash: string;
  scope: "host" | "all";
  sensorId: string;
  blocks: number;
  firstAt: string;
  lastAt: string;
};
export type BlockList = {
  /** The newest first. */
  events: BlockEvent[];
  counts: BlockCount[];
  /** Blocks of which nothing is known but that they were, by host; since the host enrolled. */
  losses: { sensorId: string; lost: number }[];
};

export type BlockService = ReturnType<typeof createBlockService>;

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const kept = {
  eventDays: 30,
  countDays: 90,
  hours: 48,
  eventsOfHost: 2_000,
  eventsInAll: 200_000,
  countsOfHost: 10_000,
};
/** More than any agent merges: keeps sums exact whatever a host says. */
const mostInOneEvent = 1_000_000_000;
const mostLost = 2 ** 50;

/** Keeps what agents tell of blocks, for as long as it is of use, and counts it. */
export function createBlockService({
  database,
  hosts,
  changes,
  now,
  counts,
}: {
  database: Database;
  hosts: Pick<HostService, "whenRemoved">;
  changes: Pick<Changes, "tell">;
  now: () => Date;
  counts: BlockCounts;
}) {
  hosts.whenRemoved(blockStore.forget);

  return {
    /** Durable once it resolves. What was recorded before is not counted twice; what fits no shape is left out. */
    async record(
      sensorId: string,
      report: Pick<BlockReport, "blocks" | "lostInAll">,
      journalId: string,
    ): Promise<void> {
      const receivedAt = now().toISOString();
      const rows = report.blocks
        .filter((block): block is Block => findFault(Block, block) === null)
        .map((block) => toRow(sensorId, block, receivedAt));
      const oldestHour = hourOf(now().getTime() - kept.hours * hourMs);
      const { news, lost } = await database.write(async (tx) => {
        const news: BlockEventRow[] = [];
        for (const row of rows) if (await blockStore.insertEvent(tx, row)) news.push(row);
        for (const count of sumUp(news)) await blockStore.addToCount(tx, count);
        for (const hour of sumUpHours(news)) if (hour.hour >= oldestHour) await blockStore.addToHour(tx, hour);
        const before = await blockStore.findLosses(tx, sensorId);
        const sameJournal = before?.journal_id === journalId;
        const lost = Math.max(0, Math.min(report.lostInAll, mostLost) - (sameJournal ? before.lost : 0));
        if (lost > 0 || (before !== undefined && !sameJournal)) {
          const lostBefore = (before?.lost_before ?? 0) + (before === undefined || sameJournal ? 0 : before.lost);
          const inThisJournal = (sameJournal ? before.lost : 0) + lost;
          await blockStore.putLosses(tx, {
            sensor_id: sensorId,
            journal_id: journalId,
            lost: inThisJournal,
            lost_before: Math.min(lostBefore, mostLost),
          });
        }
        return { news, lost };
      });
      for (const row of news) counts.blocked(row.kind, row.blocks);
      if (lost > 0) counts.blocksLost(lost);
      if (news.length > 0) changes.tell("prevention-rules");
    },

    /** The newest `limit` of each. */
    async list(filter: BlockFilter, limit: number): Promise<BlockList> {
      const [events, rows, losses] = await Promise.all([
        blockStore.listEvents(database.read, filter, limit),
        blockStore.listCounts(database.read, filter, limit),
        blockStore.listLosses(database.read, filter),
      ]);
      return {
        events: events.map(toEvent),
        counts: rows.map(({ sensor_id, first_at, last_at, ...row }) => ({
          ...row,
          sensorId: sensor_id,
          firstAt: first_at,
          lastAt: last_at,
        })),
        losses,
      };
    },

    /** Blocks in the last 24 hours, begun ones included, by host and the scope of the rule; of one host or of all. */
    async countLastDay(sensorId: string | null): Promise<(of: { sensorId: string; scope: "host" | "all" }) => number> {
      const sums = await blockStore.sumHours(database.read, sensorId, hourOf(now().getTime() - dayMs));
      const bySum = new Map(sums.map((sum) => [`${sum.sensorId} ${sum.scope}`, sum.blocks]));
      return (of) => bySum.get(`${of.sensorId} ${of.scope}`) ?? 0;
    },

    /** Forgets what is old, and the oldest of what is too much. Call it from time to time. */
    async prune(): Promise<void> {
      const at = now().getTime();
      await database.write(async (tx) => {
        await blockStore.forgetBefore(tx, {
          event: new Date(at - kept.eventDays * dayMs).toISOString(),
          count: new Date(at - kept.countDays * dayMs).toISOString(),
          hour: hourOf(at - kept.hours * hourMs),
        });
        await blockStore.forgetOldestEvents(tx, { ofHost: kept.eventsOfHost, inAll: kept.eventsInAll });
        await blockStore.forgetOldestCounts(tx, kept.countsOfHost);
      });
    },
  };
}

function toRow(sensorId: string, block: Block, receivedAt: string): BlockEventRow {
  const at = cleanTimestamp(block.at, receivedAt);
  return {
    sensor_id: sensorId,
    event_id: block.eventId.toLowerCase(),
    // A clock that is ahead must not keep its blocks the newest.
    at: at > receivedAt ? receivedAt : at,
    received_at: receivedAt,
    kind: block.kind,
    path: cleanText(block.path, 4096),
    hash: block.hash,
    scope: block.scope,
    rule_name: block.ruleName === null ? null : cleanText(block.ruleName, 1024),
    file_sha256: block.fileSha256,
    user_id: block.userId,
    user_name: block.userName === null ? null : cleanText(block.userName, 255),
    processes: JSON.stringify(
      block.processes.map(({ pid, name, commandLine }) => ({
        pid,
        name: cleanText(name, 255),
        commandLine: cleanText(commandLine, 1024),
      })),
    ),
    blocks: Math.min(block.count, mostInOneEvent),
  };
}

function toEvent(row: BlockEventRow): BlockEvent {
  return {
    eventId: row.event_id,
    at: row.at,
    kind: row.kind,
    path: row.path,
    hash: row.hash,
    algorithm: row.hash.length === 32 ? "md5" : "sha256",
    scope: row.scope,
    ruleName: row.rule_name,
    fileSha256: row.file_sha256,
    userId: row.user_id,
    userName: row.user_name,
    processes: JSON.parse(row.processes),
    count: row.blocks,
    sensorId: row.sensor_id,
    receivedAt: row.received_at,
  };
}

function sumUp(rows: BlockEventRow[]) {
  const sums = new Map<string, Parameters<typeof blockStore.addToCount>[1]>();
  for (const { hash, scope, sensor_id, blocks, at } of rows) {
    const sum = sums.get(`${scope} ${hash}`) ?? { hash, scope, sensor_id, blocks: 0, first_at: at, last_at: at };
    sum.blocks += blocks;
    if (at < sum.first_at) sum.first_at = at;
    if (at > sum.last_at) sum.last_at = at;
    sums.set(`${scope} ${hash}`, sum);
  }
  return sums.values();
}

function sumUpHours(rows: BlockEventRow[]) {
  const sums = new Map<string, Parameters<typeof blockStore.addToHour>[1]>();
  for (const { scope, sensor_id, blocks, at } of rows) {
    const hour = at.slice(0, 13);
    const sum = sums.get(`${scope} ${hour}`) ?? { sensor_id, scope, hour, blocks: 0 };
    sum.blocks += blocks;
    sums.set(`${scope} ${hour}`, sum);
  }
  return sums.values();
}

function hourOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 13);
}
