import { randomUUID } from "node:crypto";
import { closeSync, fsyncSync, openSync, rmSync, statSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import { backup, DatabaseSync } from "node:sqlite";
import { Problem } from "@cordon/contract";
import type { Actor } from "../audit/actor.ts";
import type { AuditLog } from "../audit/audit-log.ts";
import { copyDatabase } from "../database/copy-database.ts";
import { openDatabase } from "../database/database.ts";

export type Backup = { file: string; bytes: number; auditEntries: number };

/** All pages in one step: what is copied is one state of the database, whatever is written meanwhile. */
const allPages = 2 ** 31 - 1;

/**
 * Copies the database of a running node, SQLite or PostgreSQL, to a new SQLite file (mode 0600). The copy gets a lineage of
 * its own: a node restored from it has forgotten orders that agents have seen, and the lineage is how they know. Throws
 * CONFLICT for a file that exists, BAD_REQUEST for a path that cannot be written.
 */
export function createBackup({
  dataDir,
  postgresUrl,
  audit,
}: {
  dataDir: string;
  /** null: the node's own SQLite file. */
  postgresUrl: string | null;
  audit: Pick<AuditLog, "record">;
}) {
  return async (file: string, actor: Actor): Promise<Backup> => {
    if (!isAbsolute(file)) throw new Problem("BAD_REQUEST", { message: "file must be an absolute path" });
    makeEmptyFile(file);
    try {
      if (postgresUrl === null) await copySqlite(join(dataDir, "cordon.db"), file);
      else await copyPostgres(postgresUrl, file);
      const auditEntries = finishCopy(file);
      syncToDisk(file);
      await audit.record({ actor, action: "database.backup", object: file, result: "done" });
      return { file, bytes: statSync(file).size, auditEntries };
    } catch (error) {
      for (const suffix of ["", "-wal", "-shm"]) rmSync(file + suffix, { force: true });
      throw error;
    }
  };
}

async function copySqlite(from: string, file: string): Promise<void> {
  const source = new DatabaseSync(from, { readOnly: true });
  try {
    await backup(source, file, { rate: allPages });
  } finally {
    source.close();
  }
}

async function copyPostgres(url: string, file: string): Promise<void> {
  const copy = await openDatabase(file);
  try {
    await copyDatabase(url, copy, { newLineage: true });
  } finally {
    await copy.close();
  }
}

function makeEmptyFile(file: string): void {
  try {
    closeSync(openSync(file, "wx", 0o600));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "EEXIST") {
      throw new Problem("CONFLICT", { message: `${file} exists already; a backup overwrites nothing` });
    }
    throw new Problem("BAD_REQUEST", { message: `the node cannot write ${file}: ${message}` });
  }
}

/** Gives the copy its own lineage and proves that it can be opened; returns how many audit entries it holds. */
function finishCopy(file: string): number {
  const copy = new DatabaseSync(file);
  try {
    // One file without a log beside it, so that it can be moved about.
    copy.exec("pragma journal_mode = delete");
    copy.prepare("update meta set value = ? where key = 'lineage'").run(randomUUID());
    const verdict = copy.prepare("pragma integrity_check").get();
    if (verdict?.integrity_check !== "ok") throw new Error(`the copy is damaged: ${JSON.stringify(verdict)}`);
    return Number(copy.prepare("select count(*) as entries from audit_log").get()?.entries);
  } finally {
    copy.close();
  }
}

function syncToDisk(file: string): void {
  for (const path of [file, dirname(file)]) {
    const handle = openSync(path, "r");
    try {
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
  }
}
