import { randomUUID } from "node:crypto";
import { existsSync, renameSync } from "node:fs";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { Logger } from "../log.ts";
import { createBlockStore } from "./block-store.ts";
import { createPreventionStore } from "./prevention-store.ts";
import { createSettingStore } from "./setting-store.ts";
import { createSpoolStore, type SpoolLimits } from "./spool-store.ts";
import { createTaskStore } from "./task-store.ts";

/**
 * What the agent must not forget: how the host should be, which tasks it took, and what it has yet to tell. Everything is
 * on disk when a call returns. Opening it locks it; the lock ends with the process, also with one killed by -9.
 */
export type Journal = ReturnType<typeof createJournal>;

/**
 * `user_version` is the oldest schema that a reader must know. What was added since stands in `additions`, which an older
 * agent does not look at and does not harm: so a host can go back to an older agent, and forth again, and keep its state.
 * Only a change that an older agent would misread raises it.
 */
const schemaVersion = 1;
const schema = `
  CREATE TABLE journal (journal_id TEXT NOT NULL, lineage TEXT);
  CREATE TABLE setting (
    action TEXT NOT NULL, scope TEXT NOT NULL, lineage TEXT NOT NULL, generation INTEGER NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (action, scope)
  ) WITHOUT ROWID;
  CREATE TABLE task (
    number INTEGER PRIMARY KEY, task_id TEXT NOT NULL UNIQUE, step TEXT NOT NULL, body TEXT NOT NULL
  );
  CREATE INDEX task_step ON task (step, number);
  CREATE TABLE report (
    number INTEGER PRIMARY KEY AUTOINCREMENT, report_id TEXT NOT NULL UNIQUE, subject TEXT NOT NULL UNIQUE,
    body TEXT NOT NULL, output_bytes INTEGER NOT NULL
  );
  PRAGMA user_version = ${schemaVersion};
`;
const additions = `
  CREATE TABLE IF NOT EXISTS prevention_file (
    scope TEXT NOT NULL, hash TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (scope, hash)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS prevention_part (
    scope TEXT NOT NULL, hash TEXT NOT NULL, name TEXT, PRIMARY KEY (scope, hash)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS block (
    number INTEGER PRIMARY KEY AUTOINCREMENT, event_id TEXT NOT NULL UNIQUE, body TEXT NOT NULL, bytes INTEGER NOT NULL
  );
  CREATE TABLE IF NOT EXISTS block_loss (one INTEGER PRIMARY KEY, lost INTEGER NOT NULL);
`;

/** Another process has the journal open: an agent runs on this state directory. */
export const journalInUse = Symbol("journal in use");

/** Opens or makes the journal at `path`. A damaged file is set aside and a new one started, with another journal ID. */
export function openJournal({
  path,
  log,
  spoolLimits,
}: {
  path: string;
  log: Logger;
  spoolLimits?: SpoolLimits;
}): Journal | typeof journalInUse {
  try {
    return createJournal(openDatabase(path), spoolLimits);
  } catch (error) {
    const code = sqliteCodeOf(error);
    if (code === sqlite.busy) return journalInUse;
    if (code !== sqlite.corrupt && code !== sqlite.notADatabase) throw error;
    const aside = `${path}.damaged-${new Date().toISOString().replaceAll(":", "-")}`;
    log.error({ error, aside }, "the journal is damaged: set aside, and a new one started; what it held is lost");
    for (const suffix of ["", "-wal", "-shm"]) {
      if (existsSync(path + suffix)) renameSync(path + suffix, aside + suffix);
    }
    return createJournal(openDatabase(path), spoolLimits);
  }
}

/** A journal that ends with the process: for tests and simulated fleets. */
export function createMemoryJournal({ spoolLimits }: { spoolLimits?: SpoolLimits } = {}): Journal {
  const database = new DatabaseSync(":memory:");
  // The smallest: each table and index takes a page at least, and a fleet has thousands of journals.
  database.exec("PRAGMA page_size = 512");
  database.exec(schema);
  database.exec(additions);
  return createJournal(database, spoolLimits);
}

function createJournal(database: DatabaseSync, spoolLimits?: SpoolLimits) {
  const statements = new Map<string, StatementSync>();
  // Prepared when first needed: a simulated fleet holds thousands of journals, and most use few of the statements.
  const prepare = (sql: string) => {
    let statement = statements.get(sql);
    if (statement === undefined) {
      statement = database.prepare(sql);
      statements.set(sql, statement);
    }
    return statement;
  };

  let row = prepare("SELECT journal_id, lineage FROM journal").get();
  if (row === undefined) {
    prepare("INSERT INTO journal (journal_id, lineage) VALUES (?, NULL)").run(randomUUID());
    row = prepare("SELECT journal_id, lineage FROM journal").get();
  }
  const journalId = String(row?.journal_id);
  let lineage = row?.lineage == null ? null : String(row.lineage);
  let open = true;
  let inTransaction = false;

  const journal = {
    journalId,
    /** Whose generations the settings carry: see Welcome in the agent protocol. Null before the first contact. */
    lineage: () => lineage,
    setLineage(next: string) {
      prepare("UPDATE journal SET lineage = ?").run(next);
      lineage = next;
    },
    settings: createSettingStore({ prepare }),
    tasks: createTaskStore({ prepare }),
    spool: createSpoolStore({ prepare }, spoolLimits),
    prevention: createPreventionStore({ prepare }),
    blocks: createBlockStore({ prepare }),
    /** All of it or nothing, on disk when it returns. One inside another joins it. */
    transaction<T>(work: () => T): T {
      if (inTransaction) return work();
      inTransaction = true;
      database.exec("BEGIN IMMEDIATE");
      try {
        const result = work();
        database.exec("COMMIT");
        return result;
      } catch (error) {
        // SQLite has rolled back by itself where the disk failed.
        if (database.isTransaction) database.exec("ROLLBACK");
        throw error;
      } finally {
        inTransaction = false;
      }
    },
    close() {
      if (open) database.close();
      open = false;
    },
  };
  journal.transaction(() => journal.prevention.takeOver(journal.settings.all(), journal.settings.put));
  return journal;
}

function openDatabase(path: string): DatabaseSync {
  // A short wait: `cordon-agent status` looks into the journal for a moment while an agent may be starting.
  const database = new DatabaseSync(path, { timeout: 2000 });
  try {
    database.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
    // Takes the lock now, where reading alone would take a weaker one.
    database.exec("BEGIN EXCLUSIVE");
    const version = Number(database.prepare("PRAGMA user_version").get()?.user_version);
    if (version > schemaVersion) throw new Error(`${path} was written by a newer agent (schema ${version})`);
    if (version === 0) database.exec(schema);
    database.exec(additions);
    database.exec("COMMIT");
    const check = database.prepare("PRAGMA quick_check(1)").get();
    if (check?.quick_check !== "ok") {
      throw Object.assign(new Error(`quick_check: ${check?.quick_check}`), { errcode: sqlite.corrupt });
    }
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

const sqlite = { busy: 5, corrupt: 11, notADatabase: 26 };

function sqliteCodeOf(error: unknown): number | null {
  const errcode = (error as { errcode?: unknown }).errcode;
  // The low byte: the rest tells apart where in SQLite it was met.
  return typeof errcode === "number" ? errcode & 0xff : null;
}
