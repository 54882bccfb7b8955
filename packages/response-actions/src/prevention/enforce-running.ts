/** Processes that already run a banned file: told, and killed where the rule says so. */
import { readdirSync, readlinkSync } from "node:fs";
import { readAsker } from "./enforce-askers.ts";
import type { Found } from "./enforce-deny-set.ts";
import { kernel, killByDescriptor, openProcess } from "./enforce-kernel.ts";
import type { Sighting } from "./enforce-sightings.ts";

/** `look` gives the digests of the file at a path and what bans it; null: nothing does. */
export function findRunning({
  look,
  kills,
  sparedPids,
}: {
  look(path: string): { found: Found; fileSha256: string } | null;
  kills(found: Found): boolean;
  sparedPids: readonly number[];
}): { sighting: Sighting; pid: number }[] {
  return readdirSync("/proc").flatMap((name) => {
    const pid = Number(name);
    if (!Number.isInteger(pid)) return [];
    // Held from before the look: the number may come to mean another process meanwhile, this descriptor cannot.
    const held = openProcess(pid);
    try {
      const banned = look(`/proc/${pid}/exe`);
      if (banned === null) return [];
      const path = readPath(pid);
      const asker = readAsker(pid);
      const isSpared = pid === 1 || sparedPids.includes(pid);
      const isKilled = !isSpared && held >= 0 && kills(banned.found) && killByDescriptor(held);
      const { found, fileSha256 } = banned;
      const { scope, algorithm } = found;
      const sighting: Sighting = {
        ...asker,
        kind: isKilled ? "killed" : "running",
        at: new Date().toISOString(),
        path,
        hash: found.hash.toString("hex"),
        algorithm,
        scope,
        fileSha256,
        count: 1,
      };
      return [{ sighting, pid }];
    } finally {
      if (held >= 0) kernel.close(held);
    }
  });
}

function readPath(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/exe`).slice(0, 4096);
  } catch {
    return "";
  }
}
