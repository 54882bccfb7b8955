import { randomUUID } from "node:crypto";
import { closeSync, fsyncSync, openSync, rmSync, statSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import { backup, DatabaseSync } from "node:sqlite";
import { Problem } from "@cordon/contract";
import type { Actor } from "../audit/actor.ts";
import type { AuditLog } from "../audit/audit-log.ts";

export type Backup = { file: string; bytes: number; auditEntries: number };

/** All pages in one step: what is copied is one state of the database, whatever is written meanwhile. */
const allPages = 2 ** 31 - 1;

/**
 * Copies the SQLite database of a running node to a new file (mode 0600). The copy gets a lineage of its own: a node
 * restored from it has forgotten orders that agents have seen, and the lineage is how they know. Throws CONFLICT for a
 * file that exists, BAD_REQUEST on PostgreSQL or for a path that cannot be written.
 */
export function createBackup({
  dataDir,
  databaseKind,
  audit,
}: {
  dataDir: string;
  databaseKind: "sqlite" | "postgres";
  audit: Pick<AuditLog, "record">;
}) {
  return async (file: string, actor: Actor): Promise<Backup> => {
    if (databaseKind === "postgres") {
      throw new Problem("BAD_REQUEST", {
        message:
          "the database is PostgreSQL: back it up with `pg_dump --format=custom --file=FILE URL`; after a restore, and before a Central Node starts, run `delete from meta where key = 'lineage'`",
      });
    }
    if (!isAbsolute(file)) throw new Problem("BAD_REQUEST", { message: "file must be an absolute path" });
    makeEmptyFile(file);
    try {
      const source = new DatabaseSync(join(dataDir, "cordon.db"), { readOnly: true });
      try {
        await backup(source, file, { rate: allPages });
      } finally {
        source.close();
      }
      const auditEntries = finishCopy(file);
      syncToDisk(file);
      await audit.record({ actor, action: "database.backup", object: file, result: "done" });
      return { file, bytes: statSync(file).size, auditEntries };
    } catch (error) {
      rmSync(file, { force: true });
      throw error;
    }
  };
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
