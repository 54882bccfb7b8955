/**
 * A world of its own for an engine that stops files from running: mount, network and process namespaces. Everything in it
 * ends with the process that opened it, however that ends, and its mounts with it. Needs root.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { type Program, startProgram } from "./called-program.ts";
import type { LabCalls } from "./prevention-matrix-program.ts";

export type Lab = Program<LabCalls>;

/** What a test passes to be skipped by name, and with the reason, where such a world cannot be made. */
export const needsLab: { skip?: string } = skipReason();

// Ended with the process that started it, and all that runs inside ends with it.
const ownNamespaces = [
  ...["setpriv", "--pdeathsig", "KILL"],
  ...["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"],
];

export function openLab(): Lab {
  return startProgram<LabCalls>({ spawn }, "prevention-matrix-program.ts", ownNamespaces, [folderToMountOver()]);
}

/**
 * One that every machine has, and not the one that this checkout is in. A new one would have to be removed afterwards, and
 * where that coincides with the end of the namespace, the kernel (6.18) keeps the namespace's mounts for ever.
 */
function folderToMountOver(): string {
  const found = ["/mnt", "/media", "/srv"].find(
    (folder) => existsSync(folder) && !import.meta.dirname.startsWith(`${folder}/`),
  );
  if (found === undefined) throw new Error("no folder to mount a test's own files over");
  return found;
}

function skipReason(): { skip?: string } {
  if (process.platform !== "linux") return { skip: "needs Linux namespaces" };
  if (process.geteuid?.() !== 0) return { skip: "needs root, to mount disks of its own" };
  for (const program of ["mkfs.ext2", "unshare", "ip"]) {
    if (spawnSync(program, ["-V"]).error !== undefined) return { skip: `needs the program ${program}` };
  }
  if (spawnSync("/usr/bin/python3", ["-c", "import ctypes"]).status !== 0) return { skip: "needs Debian's python3" };
  const tried = spawnSync("unshare", ["--mount", "--pid", "--fork", "mount", "-t", "ramfs", "x", "/mnt"]);
  return tried.status === 0 ? {} : { skip: `needs the right to mount: ${String(tried.stderr).trim()}` };
}
