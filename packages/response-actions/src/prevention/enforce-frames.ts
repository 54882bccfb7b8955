/** How supervisor and guard speak: a JSON message, perhaps with bytes behind it, each with its length before it. */

export type Frame<Message> = { message: Message; bytes: Buffer };

const headBytes = 8;
/** 100,000 SHA-256 digests for a host and as many for all are 6.4 MB. */
const maxBytes = 64 * 1024 * 1024;

export function encodeFrame(message: object, bytes: Buffer = Buffer.alloc(0)): Buffer {
  const text = Buffer.from(JSON.stringify(message));
  const head = Buffer.alloc(headBytes);
  head.writeUInt32LE(text.length, 0);
  head.writeUInt32LE(bytes.length, 4);
  return Buffer.concat([head, text, bytes]);
}

/** Takes bytes as they come and calls `take` for each frame that is whole. Throws RangeError for one that is too long. */
export function createFrameReader<Message>(take: (frame: Frame<Message>) => void) {
  let parts: Buffer[] = [];
  let held = 0;
  let wanted = headBytes;

  return {
    push(part: Buffer) {
      parts.push(part);
      held += part.length;
      if (held < wanted) return;
      let all = Buffer.concat(parts);
      for (;;) {
        wanted = headBytes;
        if (all.length >= headBytes) wanted += all.readUInt32LE(0) + all.readUInt32LE(4);
        if (wanted > maxBytes) throw new RangeError(`a frame of ${wanted} bytes`);
        if (all.length < headBytes || all.length < wanted) break;
        const textEnd = headBytes + all.readUInt32LE(0);
        // Both ends are this program, in the same version.
        const message = JSON.parse(all.toString("utf8", headBytes, textEnd)) as Message;
        take({ message, bytes: all.subarray(textEnd, wanted) });
        all = all.subarray(wanted);
      }
      parts = all.length === 0 ? [] : [all];
      held = all.length;
    },
  };
}
