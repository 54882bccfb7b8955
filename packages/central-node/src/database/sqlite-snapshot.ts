import type { DatabaseSync } from "node:sqlite";

/**
 * Reads of one turn of the event loop share a snapshot: taking one, as every read by itself does, takes longer than most of
 * our queries. Whoever commits on another connection calls `end`, so that no read after it sees what was before.
 */
export function createSnapshot(reader: DatabaseSync) {
  const [beginning, ending] = [reader.prepare("begin"), reader.prepare("commit")];
  let open = false;

  function end(): void {
    if (!open) return;
    open = false;
    // SQLite itself ends it on some errors, and closing does.
    if (reader.isOpen && reader.isTransaction) ending.run();
  }

  return {
    /** The snapshot is taken by the first read after it. */
    begin(): void {
      if (open) return;
      beginning.run();
      open = true;
      setImmediate(end);
    },
    end,
  };
}
