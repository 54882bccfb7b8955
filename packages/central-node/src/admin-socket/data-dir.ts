import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { failure } from "@cordon/terminal";

export type DataDirClaim = { release(): void };

/**
 * Makes the data directory (mode 0700) and claims it for this process, until `release` or the process's end, however it
 * ends. Throws a failure when another Central Node has it, or when others can read it.
 */
export function claimDataDir(dataDir: string): DataDirClaim {
  makePrivateFolder(dataDir);
  const lock = new DatabaseSync(join(dataDir, "running.lock"));
  try {
    // The kernel's lock on the file: it goes with the process, so a killed node leaves nothing to clean up.
    lock.exec("begin exclusive");
  } catch (error) {
    lock.close();
    throw failure("REFUSED", `a Central Node is already running in ${dataDir}, pid ${readPid(dataDir) ?? "unknown"}`, {
      advice: "One Central Node has one data directory. Stop that one first, or give another --data-dir.",
      cause: error,
    });
  }
  const pidFile = pidFileOf(dataDir);
  writeFileSync(pidFile, `${process.pid}\n`, { mode: 0o600 });
  return {
    release() {
      rmSync(pidFile, { force: true });
      lock.close();
    },
  };
}

/** Whether a living process has claimed the directory. */
export function isClaimed(dataDir: string): boolean {
  let lock: DatabaseSync | null = null;
  try {
    lock = new DatabaseSync(join(dataDir, "running.lock"), { readOnly: true });
    // A read takes the shared lock, which the claim keeps from everybody.
    lock.exec("select count(*) from sqlite_schema");
    return false;
  } catch (error) {
    return (error as { errcode?: number }).errcode === sqliteBusy;
  } finally {
    lock?.close();
  }
}

const sqliteBusy = 5;

function makePrivateFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if ((statSync(folder).mode & 0o077) === 0) return;
  // Only an empty one is surely meant for us: `--data-dir /tmp` must not lock everybody out of it.
  if (readdirSync(folder).length === 0) {
    chmodSync(folder, 0o700);
    return;
  }
  throw failure("REFUSED", `others can look into the data directory ${folder}, which holds private keys`, {
    advice: `If it is the right one: chmod 700 ${folder}`,
  });
}

function readPid(dataDir: string): string | null {
  try {
    return readFileSync(pidFileOf(dataDir), "utf8").trim();
  } catch {
    // It is written a moment after the claim.
    return null;
  }
}

function pidFileOf(dataDir: string): string {
  return join(dataDir, "running.pid");
}
