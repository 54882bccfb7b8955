/** Keeps the marks on all guarded filesystems as these come, in every mount namespace. Part of who decides: never waits. */
import { closeSync, openSync, readdirSync } from "node:fs";
import { errorName, fanotify, here, kernel, poll } from "./enforce-kernel.ts";
import { type Guarded, guardedMounts, type Mount, readMounts, readRootDevices } from "./enforce-mounts.ts";

export type Watch = { fd: number; events: number };
export type MountWatch = "events" | "mountinfo";
export type Filesystem = { device: string; type: string; mountPoint: string };
export type Marks = ReturnType<typeof createMarks>;

/**
 * `pid`: one that lives in it. While it does, the namespace is the same one; afterwards its number may have been given to
 * another. `descriptor`: an open mountinfo, where the kernel does not report mounts itself.
 */
type Namespace = { pid: number; descriptor: number | null };

/** How often all processes are looked at for mount namespaces in which nothing was run yet. */
const walkEveryMs = 2000;

export function createMarks({
  groupFd,
  guarded,
  watchBy,
  onFault,
}: {
  groupFd: number;
  guarded: Guarded;
  watchBy: MountWatch;
  /** A guarded filesystem that cannot be marked. Told once for each. */
  onFault(detail: string): void;
}) {
  const rootDevices = readRootDevices();
  const namespaces = new Map<string, Namespace>();
  const faults = new Set<string>();
  let marked = new Map<string, Filesystem>();
  /** The guarded mounts of all namespaces that are known: see Identity. */
  let mountsKnown = new Set<string>();
  /** Rises with each change of what is to be watched. */
  let changes = 0;
  let mask: number = fanotify.openExecPermission;
  let nextWalk = 0;
  const reports = watchBy === "mountinfo" ? -1 : createReports();

  const stat = Buffer.alloc(256);
  /** The number that the kernel gives the namespace of a process; null: the process is gone. */
  function namespaceOf(pid: number): string | null {
    const done = kernel.statx(here, `/proc/${pid}/ns/mnt`, 0, statMask.inode, stat);
    return done < 0 ? null : stat.toString("latin1", 32, 40);
  }

  /** Also one that is known by its number: it may be another one of the same number, which nobody watches yet. */
  function meet(key: string, pid: number) {
    const before = namespaces.get(key);
    if (before !== undefined) leave(key, before);
    const namespace: Namespace = { pid, descriptor: null };
    if (reports >= 0) {
      const path = `/proc/${pid}/ns/mnt`;
      kernel.fanotifyMark(reports, fanotify.add | fanotify.mountNamespace, mountChanges, here, path);
    } else {
      try {
        namespace.descriptor = openSync(`/proc/${pid}/mountinfo`, "r");
      } catch {
        // Gone again; whoever else lives in it is met by the next walk.
        return;
      }
    }
    namespaces.set(key, namespace);
    changes += 1;
    // After the watch stands: a mount in between is seen by one or the other.
    markAll(namespace, marked, mountsKnown);
  }

  function leave(key: string, { descriptor }: Namespace) {
    // An open mountinfo keeps the namespace, and all that is mounted in it, alive.
    if (descriptor !== null) closeSync(descriptor);
    namespaces.delete(key);
    changes += 1;
  }

  /** Marks anew also what was marked: another filesystem may have got the same device number since. */
  function markAll({ pid }: Namespace, into: Map<string, Filesystem>, known: Set<string>): boolean {
    let mounts: Mount[];
    try {
      mounts = readMounts(pid);
    } catch {
      return false;
    }
    for (const mount of guardedMounts(mounts, guarded, rootDevices)) {
      const path = `/proc/${pid}/root${mount.mountPoint}`;
      if (!leadsTo(mount, path)) continue;
      const number = mountNumber(path);
      if (number !== null) known.add(number);
      const failed = kernel.fanotifyMark(groupFd, fanotify.add | fanotify.filesystem, mask, here, path) < 0;
      if (!failed) {
        if (!into.has(mount.device)) into.set(mount.device, mount);
        continue;
      }
      const fault = `${mount.type} at ${mount.mountPoint}: ${errorName()}`;
      if (!faults.has(fault) && faults.size < 100) onFault(fault);
      faults.add(fault);
    }
    return true;
  }

  /** Something was mounted somewhere. */
  function follow() {
    const now = new Map<string, Filesystem>();
    const known = new Set<string>();
    let isAnyGone = false;
    for (const namespace of namespaces.values()) isAnyGone = !markAll(namespace, now, known) || isAnyGone;
    marked = now;
    mountsKnown = known;
    if (isAnyGone) walk();
  }

  /** Looks at every process for a namespace that is not known yet, and forgets those that nobody lives in. */
  function walk() {
    nextWalk = performance.now() + walkEveryMs;
    const living = new Map<string, number[]>();
    for (const name of readdirSync("/proc")) {
      const pid = Number(name);
      const key = Number.isInteger(pid) ? namespaceOf(pid) : null;
      if (key === null) continue;
      const others = living.get(key);
      if (others === undefined) living.set(key, [pid]);
      else others.push(pid);
    }
    for (const [key, namespace] of namespaces) if (!living.has(key)) leave(key, namespace);
    for (const [key, pids] of living) {
      const known = namespaces.get(key);
      const [pid = 0] = pids;
      if (known === undefined || !pids.includes(known.pid)) meet(key, pid);
    }
  }

  return {
    /** Marks all that is there now. Without `scripts` only what is executed is asked about, with it all that is opened. */
    set(scripts: boolean) {
      if (!scripts && (mask & fanotify.openPermission) !== 0) {
        for (const { pid } of namespaces.values()) {
          for (const { mountPoint } of marked.values()) {
            const path = `/proc/${pid}/root${mountPoint}`;
            kernel.fanotifyMark(groupFd, fanotify.remove | fanotify.filesystem, fanotify.openPermission, here, path);
          }
        }
      }
      mask = fanotify.openExecPermission | (scripts ? fanotify.openPermission : 0);
      walk();
      follow();
    },
    follow,
    /** A process uses a mount: the namespace of both is known from now on, if it was not. */
    saw(pid: number, mount: string) {
      if (mountsKnown.has(mount)) return;
      const key = namespaceOf(pid);
      if (key !== null) meet(key, pid);
    },
    /** Walks when it is time for that. */
    keep() {
      if (performance.now() >= nextWalk) walk();
    },
    changes: () => changes,
    watches(): Watch[] {
      if (reports >= 0) return [{ fd: reports, events: poll.in }];
      return [...namespaces.values()].flatMap(({ descriptor }) =>
        descriptor === null ? [] : [{ fd: descriptor, events: poll.priority | poll.error }],
      );
    },
    /** Takes what the kernel reported, so that it is not told again. */
    drain() {
      if (reports < 0) return;
      while (kernel.read(reports, reportsRead, reportsRead.length) > 0);
    },
    filesystems: () => [...marked.values()].map(({ device, type, mountPoint }) => ({ device, type, mountPoint })),
    close() {
      if (reports >= 0) kernel.close(reports);
      for (const [key, namespace] of namespaces) leave(key, namespace);
    },
  };
}

const mountChanges = fanotify.mountAttached | fanotify.mountDetached;
const reportsRead = Buffer.alloc(4096);
/** What another mount hides cannot be reached by its path, and what hides it may not be ours to mark. */
export function leadsTo({ id }: Mount, path: string): boolean {
  if (kernel.statx(here, path, 0, statMask.mountId, mountStat) < 0) return false;
  const isTold = (mountStat.readUInt32LE(0) & statMask.mountId) !== 0;
  return !isTold || mountStat.readUInt32LE(144) === id;
}

/** The same as of an Identity. */
function mountNumber(path: string): string | null {
  if (kernel.statx(here, path, 0, statMask.mountNumber, mountStat) < 0) return null;
  return mountStat.toString("latin1", 144, 152);
}

const mountStat = Buffer.alloc(256);
/** `mountNumber`: one that is never given twice, from 6.8 on; the mount's ID before that. */
const statMask = { inode: 0x100, mountId: 0x1000, mountNumber: 0x1000 | 0x4000 } as const;

/** Mounts as the kernel reports them, from 6.14 on; below 0 where it does not. */
function createReports(): number {
  const { closeOnExec, nonBlocking, reportMounts, add, mountNamespace } = fanotify;
  const fd = kernel.fanotifyInit(closeOnExec | nonBlocking | reportMounts, 0);
  if (fd < 0) return fd;
  if (kernel.fanotifyMark(fd, add | mountNamespace, mountChanges, here, "/proc/self/ns/mnt") === 0) return fd;
  kernel.close(fd);
  return -1;
}
