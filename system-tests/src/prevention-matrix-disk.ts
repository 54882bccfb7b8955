/** Disks of the test's own: images in memory, mounted in the mount namespace of the process that calls. */
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** A new, empty ext2 in the file `image`. ext2, because no machine has its own files on it: fapolicyd watches by type. */
export function makeDisk(image: string, megabytes: number): void {
  writeFileSync(image, "");
  truncateSync(image, megabytes * 1024 * 1024);
  execFileSync("mkfs.ext2", ["-q", "-F", "-m", "0", image]);
}

/** Mounts it and returns its loop device, which goes when the mount goes. */
export function mountDisk(image: string, mountPoint: string): string {
  mkdirSync(mountPoint, { recursive: true });
  execFileSync("mount", ["-t", "ext2", "-o", "loop", image, mountPoint]);
  return execFileSync("findmnt", ["-n", "-o", "SOURCE", mountPoint], { encoding: "utf8" }).trim();
}

/** Copies what a program needs to run in a chroot at `root`: its libraries and the loader, under the names that it uses. */
export function copyLibraries(program: string, root: string): void {
  const listed = execFileSync("ldd", [program], { encoding: "utf8" });
  for (const [path] of listed.matchAll(/\/\S+/g)) {
    mkdirSync(join(root, dirname(path)), { recursive: true });
    copyFileSync(path, join(root, path));
  }
}

/** The dynamic loader that a program names: it can be run itself, with the program as an argument. */
export function loaderOf(program: string): string {
  const found = /\/lib[\w/]*\/ld-[\w.-]+/.exec(readFileSync(program, "latin1"))?.[0];
  if (found === undefined || !existsSync(found)) throw new Error(`${program} names no loader`);
  return found;
}

/**
 * After this, no mount of these types is left in the mount namespace: not the machine's /dev/shm, not its /run. Nothing
 * changes outside it.
 */
export function leaveMountsOfTypes(types: readonly string[]): void {
  const points = readFileSync("/proc/self/mountinfo", "utf8")
    .trimEnd()
    .split("\n")
    .filter((line) => types.includes(/\s-\s(\S+)/.exec(line)?.[1] ?? ""))
    .map((line) => line.split(" ")[4] ?? "");
  for (const point of points.reverse()) execFileSync("umount", ["-l", point]);
}
