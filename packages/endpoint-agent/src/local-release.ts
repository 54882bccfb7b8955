import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { writeStateFile } from "./state-file.ts";

/**
 * The mark that a person released this host while no agent could write it down. The agent takes it up when it starts, so
 * that an isolation in the journal is not applied again.
 */
const markPath = (stateDir: string) => join(stateDir, "released-locally");

export function markReleased(stateDir: string) {
  writeStateFile(markPath(stateDir), "");
}

export function isMarkedReleased(stateDir: string): boolean {
  return existsSync(markPath(stateDir));
}

export function clearReleased(stateDir: string) {
  rmSync(markPath(stateDir), { force: true });
}
