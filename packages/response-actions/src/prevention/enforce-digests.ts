/**
 * The digests of a file's content through an open descriptor, remembered for as long as the content cannot have changed.
 * Part of who decides: hashing goes in steps, so that a big file does not hold up the others.
 */
import { createHash, type Hash } from "node:crypto";
import { fanotify, kernel } from "./enforce-kernel.ts";

export type Digests = { sha256: Buffer; md5: Buffer | null };
export type DigestStore = ReturnType<typeof createDigestStore>;

/** What a file is now. `version` changes with its content, as far as the filesystem tells. */
export type Identity = {
  file: string;
  version: string;
  size: number;
  isRegular: boolean;
  changedAtSec: number;
  /** The mount by which it was opened. Each mount namespace has its own. */
  mount: string;
};

export type Hashing = {
  /** Takes one step. The digests when it was the last; "unreadable"; null: there is more. */
  step(): Digests | "unreadable" | null;
};

const maxRemembered = 20_000;
const stepBytes = 1024 * 1024;
/** The coarsest clock of a filesystem: a change within the same tick leaves no trace in the time of change. */
const coarsestTickSec = 2;

/** `statfs` kinds by how their time of change can be trusted. All take leases. */
const changeShowsInTime = new Set([0xef53, 0x58465342, 0x9123683e, 0xf2f52010, 0x73717368, 0xe0f5e1e2]);
/** A mapping that is written to leaves the time of change as it was. */
const mappingLeavesNoTrace = new Set([0x01021994, 0x858458f6]);

const lease = { set: 1024, read: 0 } as const;
const stat = Buffer.alloc(256);
const statfs = Buffer.alloc(256);
/** All that there was at first, and the mount: by a number that is never given twice where there is one (6.8). */
const statMask = 0x7ff | 0x1000 | 0x4000;
const emptyPath = 0x1000;

/** Null: it cannot be told. */
export function identify(fd: number): Identity | null {
  if (kernel.statx(fd, "", emptyPath, statMask, stat) < 0) return null;
  return {
    file: stat.toString("latin1", 32, 40) + stat.toString("latin1", 136, 144),
    version: stat.toString("latin1", 40, 48) + stat.toString("latin1", 96, 108),
    size: stat.readUInt32LE(40) + stat.readUInt32LE(44) * 2 ** 32,
    isRegular: (stat.readUInt16LE(28) & 0o170000) === 0o100000,
    changedAtSec: stat.readUInt32LE(96) + stat.readInt32LE(100) * 2 ** 32,
    mount: stat.toString("latin1", 144, 152),
  };
}

/** A change from now on cannot have the same time as the last one. */
export function isSettled({ changedAtSec }: Identity): boolean {
  return Date.now() / 1000 - changedAtSec > coarsestTickSec + 1;
}

/** Keeps writers out until the descriptor is closed. False: somebody has the file open for writing, or it takes no leases. */
export function holdWriters(fd: number): boolean {
  return kernel.fcntl(fd, lease.set, lease.read) === 0;
}

export function createDigestStore({ groupFd }: { groupFd: number }) {
  const remembered = new Map<string, Digests & { version: string }>();
  const trustByDevice = new Map<string, "time" | "close" | "none">();

  function trustOf(fd: number, { file }: Identity) {
    const device = file.slice(8);
    let trust = trustByDevice.get(device);
    if (trust === undefined) {
      const kind = kernel.fstatfs(fd, statfs) < 0 ? 0 : statfs.readUInt32LE(0);
      trust = changeShowsInTime.has(kind) ? "time" : mappingLeavesNoTrace.has(kind) ? "close" : "none";
      // Device numbers of unmounted filesystems are used again.
      if (trustByDevice.size >= 256) trustByDevice.clear();
      trustByDevice.set(device, trust);
    }
    return trust;
  }

  return {
    /**
     * Null: unknown. Without `tracesWriters` it is true only while writers are held off, and once all events that wait were
     * looked at: one of them may be the end of a writer.
     */
    recall({ file, version }: Identity): Digests | null {
      const known = remembered.get(file);
      return known === undefined || known.version !== version ? null : known;
    },

    /** Call it before hashing, with writers held off: what is asked of the kernel here must cover the whole hashing. */
    mayRemember(fd: number, identity: Identity): boolean {
      if (!isSettled(identity)) return false;
      const trust = trustOf(fd, identity);
      if (trust !== "close") return trust === "time";
      // The end of a writer is then an event, which comes before any later question about the file.
      return kernel.fanotifyMark(groupFd, fanotify.add, fanotify.closeWrite, fd, null) === 0;
    },

    remember({ file, version }: Identity, digests: Digests) {
      if (remembered.size >= maxRemembered) {
        for (const oldest of remembered.keys()) {
          remembered.delete(oldest);
          if (remembered.size < maxRemembered * 0.9) break;
        }
      }
      remembered.set(file, { version, sha256: digests.sha256, md5: digests.md5 });
    },

    /** Whether the version changes with whatever was written since no writer was there. */
    tracesWriters: (fd: number, identity: Identity) => trustOf(fd, identity) === "time",

    /** It was written to. Its writers are of interest again once it was hashed anew. */
    forget(fd: number, { file }: Identity) {
      remembered.delete(file);
      kernel.fanotifyMark(groupFd, fanotify.remove, fanotify.closeWrite, fd, null);
    },
    /** The rules ask for another digest than was computed so far. */
    clear: () => remembered.clear(),
    count: () => remembered.size,
  };
}

const chunk = Buffer.allocUnsafeSlow(stepBytes);

/** Reads from the start, whatever else is done with the descriptor. `size`: what the file has; if it grows, that shows in its version. */
export function startHashing(fd: number, { size, withMd5 }: { size: number; withMd5: boolean }): Hashing {
  const sha256 = createHash("sha256");
  const md5: Hash | null = withMd5 ? createHash("md5") : null;
  let at = 0;
  return {
    step() {
      const length = kernel.pread(fd, chunk, stepBytes, at);
      if (length < 0) return "unreadable";
      const part = chunk.subarray(0, length);
      sha256.update(part);
      md5?.update(part);
      at += length;
      if (length > 0 && at < size) return null;
      return { sha256: sha256.digest(), md5: md5?.digest() ?? null };
    },
  };
}
