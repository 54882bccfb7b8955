/** The labels of banned files, compact: 100,000 of them are kept for the few that are ever asked for. */

export type RuleNames = ReturnType<typeof packRuleNames>;

/** As many of a digest's first bytes as tell two apart, even where somebody tried to make them alike. */
const keyBytes = 16;

export function packRuleNames(files: readonly { hash: string; name: string | null }[]) {
  const parts: Buffer[] = [];
  for (const { hash, name } of files) {
    if (name === null) continue;
    const text = Buffer.from(name);
    const head = Buffer.alloc(keyBytes + 2);
    head.write(hash.slice(0, keyBytes * 2), "hex");
    head.writeUInt16LE(text.length, keyBytes);
    parts.push(head, text);
  }
  const packed = Buffer.concat(parts);

  return {
    find(hash: string): string | null {
      const key = Buffer.from(hash.slice(0, keyBytes * 2), "hex");
      for (let at = 0; at < packed.length; ) {
        const end = at + keyBytes + 2 + packed.readUInt16LE(at + keyBytes);
        if (packed.compare(key, 0, keyBytes, at, at + keyBytes) === 0) {
          return packed.toString("utf8", at + keyBytes + 2, end);
        }
        at = end;
      }
      return null;
    },
  };
}
