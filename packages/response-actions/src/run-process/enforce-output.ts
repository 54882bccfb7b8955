import type { Readable } from "node:stream";
import type { PrintedSoFar } from "../kit/enforcer.ts";

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

/** Bytes of each output that are told while the program runs. */
const liveBytes = 64 * 1024;

/** `look` tells the end of both outputs, if anything was printed since the last look. */
export function watchOutput(
  { stdout, stderr }: { stdout: Readable; stderr: Readable },
  onOutput: (printed: PrintedSoFar) => void,
): { look(): void } {
  let news = false;
  const printed = () => {
    news = true;
  };
  const out = keepTail(stdout, liveBytes, printed);
  const err = keepTail(stderr, liveBytes, printed);
  return {
    look() {
      if (!news) return;
      news = false;
      const [toOut, toErr] = [out(), err()];
      onOutput({
        stdout: toOut.text,
        stderr: toErr.text,
        stdoutTruncated: toOut.truncated,
        stderrTruncated: toErr.truncated,
      });
    },
  };
}

function keepTail(stream: Readable, maxBytes: number, onData: () => void): () => { text: string; truncated: boolean } {
  let kept: Buffer[] = [];
  let keptBytes = 0;
  let truncated = false;
  stream.on("data", (chunk: Buffer) => {
    onData();
    // A copy, as a slice would keep the whole pool chunk alive.
    const tail = Buffer.from(chunk.subarray(-maxBytes));
    kept.push(tail);
    keptBytes += tail.length;
    if (tail.length < chunk.length) truncated = true;
    // Put together from time to time only: a program that prints byte by byte would have each of them cost the whole tail.
    if (keptBytes > 2 * maxBytes || kept.length > 1024) shorten();
  });

  function shorten() {
    const all = Buffer.concat(kept);
    if (all.length > maxBytes) truncated = true;
    const tail = Buffer.from(all.subarray(-maxBytes));
    kept = [tail];
    keptBytes = tail.length;
  }

  return () => {
    shorten();
    const bytes = Buffer.concat(kept);
    // The cut may have gone through a character: its rest is left out. So is the beginning of one that is not whole yet.
    let start = 0;
    while (truncated && start < 3 && ((bytes[start] ?? 0) & 0xc0) === 0x80) start += 1;
    const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes.subarray(start), { stream: true });
    return { text, truncated };
  };
}
