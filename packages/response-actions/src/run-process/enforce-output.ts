import type { Readable } from "node:stream";

/** Keeps the first `maxBytes` of a stream and reads on without keeping, so that the program never blocks on a full pipe. */
export function keepHead(stream: Readable, maxBytes: number): () => { text: string; truncated: boolean } {
  const kept: Buffer[] = [];
  let keptBytes = 0;
  let truncated = false;
  stream.on("data", (chunk: Buffer) => {
    const room = maxBytes - keptBytes;
    if (chunk.length > room) truncated = true;
    if (room <= 0) return;
    // A copy, as a slice would keep the whole pool chunk alive.
    const head = Buffer.from(chunk.subarray(0, room));
    kept.push(head);
    keptBytes += head.length;
  });
  // A pipe that breaks has no more to say; what came of the program is told by its exit.
  stream.on("error", () => {});
  return () => {
    const bytes = Buffer.concat(kept);
    // `stream: true` holds a character back that the cut went through, where otherwise a replacement would stand.
    return { text: new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes, { stream: truncated }), truncated };
  };
}
