/**
 * Which nft owns the twin table, on disk: to release a host whose agent hangs, somebody must end that nft, as its table
 * goes with it and nobody else may delete it.
 */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ProcessIdentity } from "../kit/enforcer.ts";
import { identify, readBootId } from "../run-process/enforce-process.linux.ts";

const recordPath = (directory: string) => join(directory, "holder.json");

export function recordHolder(directory: string, pid: number) {
  const holder = identify(pid, readBootId());
  if (holder !== null) writeFileSync(recordPath(directory), JSON.stringify(holder), { mode: 0o600 });
}

/** Ends the nft that is recorded, if it is still the same process and an nft. Resolves when it is gone. */
export async function endRecordedHolder(directory: string): Promise<void> {
  const holder = readRecord(directory);
  if (holder === null) return;
  const isStillThere = () =>
    holder.bootId === readBootId() &&
    identify(holder.pid, holder.bootId)?.startTicks === holder.startTicks &&
    isNft(holder.pid);
  if (isStillThere()) process.kill(holder.pid, "SIGKILL");
  // A zombie, which its parent cannot reap while it hangs, owns nothing any more.
  for (let waitedMs = 0; waitedMs < 2000 && isStillThere() && !isZombie(holder.pid); waitedMs += 10) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  rmSync(recordPath(directory), { force: true });
}

function readRecord(directory: string): ProcessIdentity | null {
  try {
    const { pid, startTicks, bootId } = JSON.parse(readFileSync(recordPath(directory), "utf8")) as ProcessIdentity;
    return Number.isInteger(pid) && pid > 1 ? { pid, startTicks: String(startTicks), bootId: String(bootId) } : null;
  } catch {
    // None was started, or the file is damaged: then nobody can be named, and nobody is ended.
    return null;
  }
}

function isNft(pid: number): boolean {
  return readProcess(pid, "comm") === "nft\n";
}

function isZombie(pid: number): boolean {
  return / Z /.test(readProcess(pid, "stat"));
}

function readProcess(pid: number, file: "comm" | "stat"): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return "";
  }
}
