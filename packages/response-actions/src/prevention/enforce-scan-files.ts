/** Walks over the guarded filesystems and tells which regular files there are. */
import { type Dirent, lstatSync, readdirSync } from "node:fs";
import { here, kernel } from "./enforce-kernel.ts";
import { leadsTo } from "./enforce-marks.ts";
import { type Guarded, guardedMounts, readMounts, readRootDevices } from "./enforce-mounts.ts";

/** Paths that lead to each file from this process, whatever mount namespace it lies in. A filesystem is walked once. */
export function* guardedFiles(guarded: Guarded): Generator<string> {
  const rootDevices = readRootDevices();
  const walked = new Set<string>();
  for (const pid of oneProcessOfEachNamespace()) {
    for (const mount of mountsOf(pid)) {
      const top = `/proc/${pid}/root${mount.mountPoint}`;
      if (leadsTo(mount, top) && isNew(mount)) yield* filesBelow(top);
    }
  }

  function isNew({ device }: { device: string }): boolean {
    if (walked.has(device)) return false;
    walked.add(device);
    return true;
  }

  function mountsOf(pid: number) {
    try {
      return guardedMounts(readMounts(pid), guarded, rootDevices);
    } catch {
      // The process is gone.
      return [];
    }
  }
}

function* filesBelow(top: string): Generator<string> {
  const device = deviceOf(`${top}/.`);
  const folders = [top];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    let entries: Dirent[];
    try {
      entries = readdirSync(folder, { withFileTypes: true });
    } catch {
      continue;
    }
    for (const entry of entries) {
      const path = `${folder}/${entry.name}`;
      if (entry.isFile()) yield path;
      // Another filesystem that is mounted here has its own turn, or is not guarded.
      else if (entry.isDirectory() && deviceOf(path) === device) folders.push(path);
    }
  }
}

function deviceOf(path: string): number | null {
  try {
    return lstatSync(path).dev;
  } catch {
    return null;
  }
}

/** The lowest process number in each mount namespace. */
function oneProcessOfEachNamespace(): number[] {
  const found = new Map<string, number>();
  const stat = Buffer.alloc(256);
  const pids = readdirSync("/proc").map(Number).filter(Number.isInteger);
  for (const pid of pids.sort((a, b) => a - b)) {
    const inode = 0x100;
    if (kernel.statx(here, `/proc/${pid}/ns/mnt`, 0, inode, stat) < 0) continue;
    const namespace = stat.toString("latin1", 32, 40);
    if (!found.has(namespace)) found.set(namespace, pid);
  }
  return [...found.values()];
}
