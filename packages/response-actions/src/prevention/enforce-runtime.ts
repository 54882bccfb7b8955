/** What a new guard needs to start must not be asked about, or none could start while nobody answers. */
import { readFileSync } from "node:fs";
import { errorName, fanotify, here, kernel } from "./enforce-kernel.ts";

/** This process's program and the loader that the kernel runs before it. Null where there is none. */
function findLoader(): string | null {
  const maps = readFileSync("/proc/self/maps", "utf8");
  return /\s(\/\S*\/ld-[^/\s]*\.so[^/\s]*|\/\S*\/ld(64)?\.so[^/\s]*)$/m.exec(maps)?.[1] ?? null;
}

/** Sets marks that say so. Call it before each start: an update of the system may have put another file in place. */
export function ignoreRuntime(groupFd: number): string | null {
  const flags = fanotify.add | fanotify.ignored | fanotify.ignoredSurvivesModify;
  const mask = fanotify.openExecPermission | fanotify.openPermission;
  for (const path of ["/proc/self/exe", findLoader()]) {
    if (path !== null && kernel.fanotifyMark(groupFd, flags, mask, here, path) < 0) return `${path}: ${errorName()}`;
  }
  return null;
}
