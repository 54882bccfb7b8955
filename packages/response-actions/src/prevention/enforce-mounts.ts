/** Which filesystems there are, and which of them are guarded. */
import { readFileSync } from "node:fs";

export type Mount = { id: number; device: string; mountPoint: string; type: string };

/** Paths whose filesystems, and those mounted beneath them, are guarded; or every real one. */
export type Guarded = "all" | readonly string[];

/**
 * Kinds that hold programs. Left out are those of the kernel itself (proc, sysfs, …), where nothing can be run from, and
 * those whose content comes from another process or machine (FUSE, NFS, …): to read them can take for ever, and whoever
 * serves them may wait for the guard itself.
 */
const realTypes = new Set(
  (
    "ext2 ext3 ext4 xfs btrfs f2fs bcachefs zfs jfs reiserfs nilfs2 tmpfs ramfs overlay squashfs erofs iso9660 udf vfat " +
    "exfat ntfs3 hfsplus"
  ).split(" "),
);

/** The text of a mountinfo file (proc(5)). */
export function parseMounts(text: string): Mount[] {
  return text.split("\n").flatMap((line) => {
    const [own = "", ofFilesystem = ""] = line.split(" - ");
    const [id, , device, , mountPoint] = own.split(" ");
    const [type] = ofFilesystem.split(" ");
    if (device === undefined || mountPoint === undefined || type === undefined) return [];
    return [{ id: Number(id), device, mountPoint: unescapeOctal(mountPoint), type }];
  });
}

export function readMounts(pid: number | "self"): Mount[] {
  return parseMounts(readFileSync(`/proc/${pid}/mountinfo`, "utf8"));
}

/** The mounts whose filesystems are to be marked. `rootDevices`: those of `/`, which only "all" or the path `/` guards. */
export function guardedMounts(mounts: readonly Mount[], guarded: Guarded, rootDevices: ReadonlySet<string>): Mount[] {
  const real = mounts.filter(({ type }) => realTypes.has(type));
  if (guarded === "all" || guarded.includes("/")) return real;
  return real.filter(
    ({ mountPoint, device }) =>
      !rootDevices.has(device) && guarded.some((path) => mountPoint === path || mountPoint.startsWith(`${path}/`)),
  );
}

/** The devices of every `/` that this process can mean. */
export function readRootDevices(): Set<string> {
  const roots = (["self", 1] as const).flatMap((pid) => readMounts(pid).filter(({ mountPoint }) => mountPoint === "/"));
  return new Set(roots.map(({ device }) => device));
}

/**
 * Why `guarded` cannot be guarded, or null. A mark covers a whole filesystem, so a path must be where one is mounted: the
 * filesystem that merely holds it may be the one of `/`, with every program of the host on it.
 */
export function findGuardFault(
  guarded: Guarded,
  mounts: readonly Mount[],
  rootDevices: ReadonlySet<string>,
): string | null {
  if (guarded === "all") return null;
  if (guarded.length === 0) return "no filesystem is named to be guarded";
  for (const path of guarded) {
    if (path === "/") continue;
    if (!path.startsWith("/") || path.endsWith("/"))
      return `${path} is not an absolute path without a slash at its end`;
    // The one mounted last hides those before it.
    const mount = mounts.findLast(({ mountPoint }) => mountPoint === path);
    if (mount === undefined) return `nothing is mounted at ${path}`;
    if (rootDevices.has(mount.device)) return `${path} shows the filesystem of /; to guard that, name / itself`;
    if (!realTypes.has(mount.type))
      return `the filesystem at ${path} is of the kind ${mount.type}, which is not guarded`;
  }
  return null;
}

function unescapeOctal(text: string): string {
  if (!text.includes("\\")) return text;
  const bytes = text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
  // Only blanks and the backslash are escaped; the rest is UTF-8 already.
  return bytes;
}
