/** The digests of files that an earlier scan read, on disk: so the next one, for one more hash, asks only what changed. */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import type { Digests, Identity } from "./enforce-digests.ts";

export type ScanIndex = ReturnType<typeof openScanIndex>;

const fileBytes = 16;
const versionBytes = 20;
const sha256At = fileBytes + versionBytes;
const md5At = sha256At + 32;
const recordBytes = md5At + 16;
const maxRecords = 200_000;
const noMd5 = Buffer.alloc(16);

/** It is only ever a shortcut: one that is missing or damaged means more to read. */
export function openScanIndex(path: string) {
  const before = read(path);
  const places = new Map<string, number>();
  for (let at = 0; at + recordBytes <= before.length; at += recordBytes) {
    places.set(before.toString("latin1", at, at + fileBytes), at);
  }
  const records: Buffer[] = [];

  return {
    find({ file, version }: Identity, { withMd5 }: { withMd5: boolean }): Digests | null {
      const at = places.get(file);
      if (at === undefined || before.toString("latin1", at + fileBytes, at + sha256At) !== version) return null;
      const md5 = before.subarray(at + md5At, at + recordBytes);
      const hasMd5 = !md5.equals(noMd5);
      if (withMd5 && !hasMd5) return null;
      return { sha256: before.subarray(at + sha256At, at + md5At), md5: hasMd5 ? md5 : null };
    },
    /** What is not added again is forgotten. */
    add({ file, version }: Identity, { sha256, md5 }: Digests) {
      if (records.length >= maxRecords) return;
      records.push(
        Buffer.concat([Buffer.from(file, "latin1"), Buffer.from(version, "latin1"), sha256, md5 ?? noMd5], recordBytes),
      );
    },
    write() {
      writeFileSync(`${path}.new`, Buffer.concat(records), { mode: 0o600 });
      renameSync(`${path}.new`, path);
    },
  };
}

function read(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch {
    return Buffer.alloc(0);
  }
}
