/** A host may go to a newer agent and back: neither loses what the other wrote. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type TestContext, test } from "node:test";
import { silentLog } from "../log.ts";
import { digestOf, hashOf, ruleOf } from "../testing/prevention-orders.ts";
import { type Journal, journalInUse, openJournal } from "./journal.ts";
import type { SettingRecord } from "./setting-store.ts";

/** The very text with which agents of protocol 1 made their journals. */
const schemaOfProtocol1 = `
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
  PRAGMA user_version = 1;
`;
/** The newest schema that agents of protocol 1 open. */
const newestOfProtocol1 = 1;
const [journalId, lineage] = [randomUUID(), randomUUID()];
const record: SettingRecord = {
  action: "prevention",
  scope: "all",
  lineage,
  generation: 4,
  wish: null,
  deadline: null,
  refusal: null,
  outcome: null,
};
const wishOf = (...numbers: number[]) => ({
  files: numbers.map((number) => ({ algorithm: "sha256", hash: hashOf(number), name: `n${number}` })),
});
const named = (...numbers: number[]) => new Map(numbers.map((number) => [hashOf(number), `n${number}`]));

function newPath(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "cordon-journal-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return join(directory, "journal.sqlite");
}

/** What an agent of protocol 1 does with the file: all statements of its stores that touch settings. */
function asProtocol1<T>(
  path: string,
  work: (settings: { all(): SettingRecord[]; put(record: SettingRecord): void }) => T,
): T {
  const database = new DatabaseSync(path);
  database.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
  try {
    const version = Number(database.prepare("PRAGMA user_version").get()?.user_version);
    if (version > newestOfProtocol1) throw new Error(`${path} was written by a newer agent (schema ${version})`);
    if (version === 0) {
      database.exec(schemaOfProtocol1);
      database.prepare("INSERT INTO journal (journal_id, lineage) VALUES (?, ?)").run(journalId, lineage);
    }
    assert.equal(database.prepare("PRAGMA quick_check(1)").get()?.quick_check, "ok");
    return work({
      all: () =>
        database
          .prepare("SELECT body FROM setting ORDER BY action, scope")
          .all()
          .map((row) => JSON.parse(String(row.body))),
      put(record) {
        database
          .prepare("INSERT OR REPLACE INTO setting (action, scope, lineage, generation, body) VALUES (?, ?, ?, ?, ?)")
          .run(record.action, record.scope, record.lineage, record.generation, JSON.stringify(record));
      },
    });
  } finally {
    database.close();
  }
}

function open(path: string): Journal {
  const journal = openJournal({ path, log: silentLog });
  assert.ok(journal !== journalInUse);
  return journal;
}

function bannedIn(journal: Journal): Map<string, string | null> {
  const wish = journal.settings.find("prevention", "all")?.wish;
  assert.ok(wish !== undefined && wish !== null && "digest" in wish);
  const files = journal.prevention.wishOf("all", wish as never).files;
  return new Map(files.map(({ hash, name }) => [hash, name]));
}

test("a journal of an older agent opens as it is, and its rules become rows", (t) => {
  const path = newPath(t);
  const isolation = { ...record, action: "network-isolation", scope: "host" as const, wish: { exclusions: [] } };
  asProtocol1(path, ({ put }) => {
    put({ ...record, wish: wishOf(1, 2) });
    put(isolation);
  });
  for (let opened = 0; opened < 2; opened += 1) {
    const journal = open(path);
    assert.equal(journal.journalId, journalId);
    assert.deepEqual(bannedIn(journal), named(1, 2));
    assert.deepEqual(journal.settings.find("prevention", "all")?.wish, {
      digest: digestOf(named(1, 2)),
      generation: 4,
      scripts: false,
      killRunning: false,
    });
    assert.deepEqual(journal.settings.find("network-isolation", "host"), isolation);
    journal.close();
  }
});

test("an older agent opens the journal of a newer one and keeps what it does not know", (t) => {
  const path = newPath(t);
  const newer = open(path);
  newer.setLineage(lineage);
  newer.transaction(() =>
    newer.settings.put({ ...record, wish: newer.prevention.keep("all", 4, wishOf(1, 2) as never) }),
  );
  newer.blocks.put({ eventId: randomUUID(), count: 1 } as never);
  newer.close();
  // It has no way to enforce the rule: it says so, and writes the record back.
  asProtocol1(path, ({ all, put }) => {
    const [held] = all();
    assert.equal(held?.generation, 4);
    put({ ...(held ?? record), outcome: { state: "failed", reason: "NOT_SUPPORTED", at: "" } });
  });
  const again = open(path);
  t.after(() => again.close());
  assert.equal(again.journalId, newer.journalId);
  assert.deepEqual(bannedIn(again), named(1, 2));
  assert.equal(again.blocks.count(), 1);
});

test("what an older agent was ordered meanwhile holds when the newer one comes back, a rule as well as its end", (t) => {
  const path = newPath(t);
  const newer = open(path);
  newer.transaction(() =>
    newer.settings.put({ ...record, wish: newer.prevention.keep("all", 4, wishOf(1, 2) as never) }),
  );
  newer.close();
  asProtocol1(path, ({ put }) => put({ ...record, generation: 5, wish: wishOf(3) }));
  const again = open(path);
  assert.deepEqual(bannedIn(again), named(3));
  again.close();
  asProtocol1(path, ({ put }) => put({ ...record, generation: 6, wish: null }));
  const last = open(path);
  t.after(() => last.close());
  assert.equal(last.settings.find("prevention", "all")?.wish, null);
  assert.equal(last.prevention.count("all"), 0);
});

test("parts of a rule that did not come as a whole before a restart are gone after it", (t) => {
  const path = newPath(t);
  const journal = open(path);
  journal.prevention.stage("all", { added: [{ hash: hashOf(1), name: null }], removed: [] });
  journal.close();
  const again = open(path);
  t.after(() => again.close());
  assert.equal(again.prevention.countStaged("all"), 0);
  again.prevention.replace(
    "all",
    [...ruleOf(2)].map(([hash, name]) => ({ hash, name })),
  );
  assert.equal(again.prevention.digest("all"), digestOf(ruleOf(2)));
});
