import type { DestinationStream } from "pino";

/**
 * Lines of one turn of the event loop as one write: a write for each costs a request more than all of its queries. Only
 * what kills the process at once, in mid-turn, loses lines: before it ends otherwise, a crash included, they are written.
 */
export function inOneWriteEachTurn(destination: DestinationStream): DestinationStream & { flushSync(): void } {
  let lines: string[] = [];

  function flush(): void {
    if (lines.length === 0) return;
    const text = lines.join("");
    lines = [];
    destination.write(text);
  }
  process.on("exit", flush);

  return {
    write(line) {
      if (lines.length === 0) setImmediate(flush);
      lines.push(line);
    },
    /** pino calls it for a fatal line. */
    flushSync: flush,
  };
}
