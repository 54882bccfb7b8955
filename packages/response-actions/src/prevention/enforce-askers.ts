/** Who asked to run or open something, from /proc alone: nothing on a guarded filesystem is opened. */
import { readFileSync, readlinkSync } from "node:fs";

export type Asker = { userId: number | null; processes: { pid: number; name: string; commandLine: string }[] };

const longestChain = 16;
const longestName = 255;
const longestCommandLine = 1024;

/** The process, then its parents up to process 1. Empty: it is gone. */
export function readAsker(pid: number): Asker {
  const processes: Asker["processes"] = [];
  let userId: number | null = null;
  for (let next = pid; next > 0 && processes.length < longestChain; ) {
    const status = read(`/proc/${next}/status`);
    if (status === null) break;
    // The name comes first and cannot hold a line break: the kernel escapes it.
    const name = /^Name:\t(.*)$/m.exec(status)?.[1] ?? "";
    if (processes.length === 0) userId = Number(/^Uid:\t(\d+)/m.exec(status)?.[1] ?? Number.NaN);
    const words = (read(`/proc/${next}/cmdline`) ?? "").replace(/\0+$/, "").replaceAll("\0", " ");
    processes.push({
      pid: next,
      name: name.slice(0, longestName),
      commandLine: words.slice(0, longestCommandLine),
    });
    next = Number(/^PPid:\t(\d+)/m.exec(status)?.[1] ?? 0);
  }
  return { userId: Number.isNaN(userId) ? null : userId, processes };
}

/** The path of an open descriptor of this process, as the kernel tells it. */
export function pathOf(fd: number): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`).slice(0, 4096);
  } catch {
    return "";
  }
}

function read(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}
