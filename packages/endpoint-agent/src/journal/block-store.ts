import type { Block } from "@cordon/response-actions";
import type { JournalDatabase } from "./journal-database.ts";

export type BlockLimits = { maxBlocks: number; maxBytes: number };

const defaultLimits: BlockLimits = { maxBlocks: 10_000, maxBytes: 8 * 1024 * 1024 };

/** Blocks that are not acknowledged yet. When too many wait the oldest goes, and is counted as lost. */
export function createBlockStore({ prepare }: JournalDatabase, limits: BlockLimits = defaultLimits) {
  let held: { blocks: number; bytes: number } | null = null;

  const store = {
    put(block: Block) {
      const body = JSON.stringify(block);
      const bytes = Buffer.byteLength(body);
      const holding = read();
      prepare("INSERT OR IGNORE INTO block (event_id, body, bytes) VALUES (?, ?, ?)").run(block.eventId, body, bytes);
      holding.blocks += 1;
      holding.bytes += bytes;
      while (holding.blocks > limits.maxBlocks || holding.bytes > limits.maxBytes) if (!dropOldest(holding)) break;
    },
    /** The oldest, at most `limit` of them. */
    oldest(limit: number): Block[] {
      return prepare("SELECT body FROM block ORDER BY number LIMIT ?")
        .all(limit)
        .map((row) => JSON.parse(String(row.body)) as Block); // only `put` writes the column
    },
    acknowledge(eventIds: readonly string[]) {
      for (const eventId of eventIds) prepare("DELETE FROM block WHERE event_id = ?").run(eventId);
      held = null;
    },
    count: (): number => read().blocks,
    /** Counts blocks of which nothing is kept but that they were. */
    addLost(blocks: number) {
      prepare("INSERT INTO block_loss (one, lost) VALUES (1, ?1) ON CONFLICT (one) DO UPDATE SET lost = lost + ?1").run(
        blocks,
      );
    },
    lostInAll: (): number => Number(prepare("SELECT lost FROM block_loss").get()?.lost ?? 0),
  };

  /** Counted once, then kept in step: a burst of blocks must not read the whole table for each of them. */
  function read(): { blocks: number; bytes: number } {
    if (held === null) {
      const row = prepare("SELECT count(*) AS blocks, total(bytes) AS bytes FROM block").get();
      held = { blocks: Number(row?.blocks), bytes: Number(row?.bytes) };
    }
    return held;
  }

  function dropOldest(holding: { blocks: number; bytes: number }): boolean {
    const row = prepare("SELECT number, body, bytes FROM block ORDER BY number LIMIT 1").get();
    if (row === undefined) return false;
    prepare("DELETE FROM block WHERE number = ?").run(Number(row.number));
    store.addLost((JSON.parse(String(row.body)) as Block).count);
    holding.blocks -= 1;
    holding.bytes -= Number(row.bytes);
    return true;
  }

  return store;
}
