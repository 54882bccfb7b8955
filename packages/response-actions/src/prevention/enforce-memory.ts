/** Gives memory back at once: what 100,000 digests leave behind would otherwise stay until there is much more of it. */
import { readFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { kernel } from "./enforce-kernel.ts";

setFlagsFromString("--expose-gc");
const collect: () => void = runInNewContext("gc");

/** Takes some milliseconds. */
export function collectRubbish() {
  collect();
  kernel.mallocTrim(0);
  dropIdleCode();
}

/**
 * Lets go of the pages of programs and libraries that were needed to start and never again. What is needed comes back from
 * the kernel's cache page by page. Only code: it is the same as in the file, while data may have been changed since.
 */
function dropIdleCode() {
  const dontNeed = 4;
  const maps = readFileSync("/proc/self/maps", "utf8");
  for (const [, from = "", to = ""] of maps.matchAll(/^([0-9a-f]+)-([0-9a-f]+) r-xp \S+ \S+ [1-9]\d*\s+\//gm)) {
    const start = BigInt(`0x${from}`);
    kernel.madvise(start, BigInt(`0x${to}`) - start, dontNeed);
  }
}
