/**
 * One scan, in a process of its own that ends with it: first the processes that run a banned file already, then the banned
 * files on the guarded filesystems. It yields to everybody. What it is to look for comes over descriptor 3, as does what it
 * finds.
 */
import { closeSync, constants, openSync } from "node:fs";
import { setPriority } from "node:os";
import { type Found, findBanned, scopes, unpackDenySet } from "./enforce-deny-set.ts";
import { type Digests, identify, isSettled, startHashing } from "./enforce-digests.ts";
import { createFrameReader, encodeFrame } from "./enforce-frames.ts";
import { kernel, yieldDisk } from "./enforce-kernel.ts";
import { findRunning } from "./enforce-running.ts";
import { guardedFiles } from "./enforce-scan-files.ts";
import { openScanIndex, type ScanIndex } from "./enforce-scan-index.ts";
import type { FromScan, ToScan } from "./enforce-scan-messages.ts";

const socketFd = 3;
/** Bigger ones are found when they are run. */
const maxFileBytes = 256 * 1024 * 1024;
const maxBytes = 100 * 1024 ** 3;
const maxMs = 6 * 60 * 60 * 1000;
const tellEveryMs = 500;
/** At most half of one processor. */
const workMs = 20;

const started = performance.now();
const looked = new Map<string, Digests>();
let bytesRead = 0;
let workedSince = performance.now();
const pause = new Int32Array(new SharedArrayBuffer(4));

function say(message: FromScan) {
  let frame = encodeFrame(message);
  while (frame.length > 0) {
    const sent = kernel.write(socketFd, frame, frame.length);
    // The supervisor is gone, and with it whoever could mark what is found.
    if (sent < 0) process.exit(1);
    frame = frame.subarray(sent);
  }
}

function yieldNow() {
  if (performance.now() - workedSince < workMs) return;
  Atomics.wait(pause, 0, 0, workMs);
  workedSince = performance.now();
}

/** Null: it is no file that can be banned, or cannot be read. */
function digestsAt(path: string, index: ScanIndex | null, withMd5: boolean): Digests | null {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    return null;
  }
  try {
    const identity = identify(fd);
    if (identity === null || !identity.isRegular || identity.size === 0) return null;
    if (index !== null && identity.size > maxFileBytes) return null;
    const key = identity.file + identity.version;
    const known = looked.get(key) ?? index?.find(identity, { withMd5 }) ?? null;
    const digests = known ?? hash(fd, identity.size, withMd5);
    if (digests === null) return null;
    if (index === null) looked.set(key, digests);
    else if (isSettled(identity)) index.add(identity, digests);
    return digests;
  } finally {
    closeSync(fd);
  }
}

function hash(fd: number, size: number, withMd5: boolean): Digests | null {
  const hashing = startHashing(fd, { size, withMd5 });
  for (;;) {
    const digests = hashing.step();
    if (digests === "unreadable") return null;
    if (digests !== null) {
      bytesRead += size;
      return digests;
    }
    yieldNow();
  }
}

function scan(order: ToScan, bytes: Buffer) {
  const set = unpackDenySet({ lengths: order.lengths, bytes });
  const withMd5 = scopes.some((scope) => set[scope].md5.length > 0);
  const counts = { filesSeen: 0, filesFound: 0 };

  const look = (path: string) => {
    const digests = digestsAt(path, null, withMd5);
    const found = digests === null ? null : findBanned(set, digests);
    return digests === null || found === null ? null : { found, fileSha256: digests.sha256.toString("hex") };
  };
  const kills = ({ scope }: Found) => order.killScopes.includes(scope);
  for (const { sighting, pid } of findRunning({ look, kills, sparedPids: order.sparedPids })) {
    say({ type: "sighting", sighting });
    // A file that was deleted has no other path, and can still be opened by this one.
    say({ type: "found", path: `/proc/${pid}/exe` });
  }

  const index = openScanIndex(order.indexPath);
  let toldAt = performance.now();
  let leftOut: string | null = null;
  for (const path of guardedFiles(order.guarded)) {
    counts.filesSeen += 1;
    const digests = digestsAt(path, index, withMd5);
    if (digests !== null && findBanned(set, digests) !== null) {
      counts.filesFound += 1;
      say({ type: "found", path });
    }
    yieldNow();
    if (performance.now() - toldAt > tellEveryMs) {
      toldAt = performance.now();
      say({ type: "progress", ...counts });
    }
    if (bytesRead > maxBytes) leftOut = `it ended after reading ${Math.round(maxBytes / 1024 ** 3)} GiB`;
    if (performance.now() - started > maxMs) leftOut = `it ended after ${Math.round(maxMs / 3_600_000)} hours`;
    if (leftOut !== null) break;
  }
  index.write();
  say({ type: "done", ...counts, leftOut });
  process.exit(0);
}

setPriority(19);
yieldDisk();
const reader = createFrameReader<ToScan>(({ message, bytes }) => scan(message, bytes));
const input = Buffer.allocUnsafe(256 * 1024);
for (let length = 1; length > 0; ) {
  length = kernel.read(socketFd, input, input.length);
  if (length > 0) reader.push(Buffer.from(input.subarray(0, length)));
}
