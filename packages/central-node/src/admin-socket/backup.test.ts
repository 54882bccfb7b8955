import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { Problem } from "@cordon/contract";
import type { Actor } from "../audit/actor.ts";
import { createAuditLog } from "../audit/audit-log.ts";
import { copyDatabase } from "../database/copy-database.ts";
import { openDatabase } from "../database/database.ts";
import { readOrMakeLineage } from "../database/lineage.ts";
import { testDatabases } from "../database/test-databases.ts";
import { createBackup } from "./backup.ts";

const actor: Actor = { kind: "local-administrator", id: "root", address: null, fingerprint: null };
const now = () => new Date();
const isProblem = (code: string) => (error: unknown) => error instanceof Problem && error.code === code;

async function start(t: TestContext) {
  const dataDir = mkdtempSync(join(tmpdir(), "cordon-test-"));
  const database = await openDatabase(join(dataDir, "cordon.db"));
  t.after(async () => {
    await database.close();
    rmSync(dataDir, { recursive: true, force: true });
  });
  const audit = createAuditLog({ database, now });
  const entry = (object: string) => audit.record({ actor, action: "test", object, result: "done" });
  return { dataDir, database, audit, entry, backup: createBackup({ dataDir, postgresUrl: null, audit }) };
}

test("a backup of a node that is writing is one sound state with a lineage of its own, for its owner alone", async (t) => {
  const { dataDir, database, entry, backup } = await start(t);
  const lineage = await readOrMakeLineage(database);
  for (let index = 0; index < 50; index++) await entry(`before ${index}`);
  const file = join(dataDir, "copy.db");
  const [made] = await Promise.all([
    backup(file, actor),
    ...Array.from({ length: 50 }, (_, i) => entry(`during ${i}`)),
  ]);
  assert.ok(made.auditEntries >= 50 && made.auditEntries <= 100, String(made.auditEntries));
  assert.equal(made.bytes, statSync(file).size);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.equal(existsSync(`${file}-wal`), false);

  const copy = await openDatabase(file);
  t.after(() => copy.close());
  const check = await createAuditLog({ database: copy, now }).verify();
  assert.deepEqual([check.intact, check.entries], [true, made.auditEntries]);
  const lineageOfCopy = await readOrMakeLineage(copy);
  assert.match(lineageOfCopy, /^[0-9a-f-]{36}$/);
  assert.notEqual(lineageOfCopy, lineage);
  assert.equal(await readOrMakeLineage(database), lineage);
});

test("a backup overwrites nothing, and leaves nothing behind where it fails", async (t) => {
  const { dataDir, backup, audit } = await start(t);
  const file = join(dataDir, "kept");
  writeFileSync(file, "precious");
  await assert.rejects(backup(file, actor), isProblem("CONFLICT"));
  assert.equal(statSync(file).size, 8);
  await assert.rejects(backup(join(dataDir, "missing", "copy.db"), actor), isProblem("BAD_REQUEST"));
  await assert.rejects(backup("copy.db", actor), isProblem("BAD_REQUEST"));
  assert.equal((await audit.verify()).entries, 0);

  const unreadable = createBackup({ dataDir: join(dataDir, "no database here"), postgresUrl: null, audit });
  await assert.rejects(unreadable(join(dataDir, "copy.db"), actor));
  assert.equal(existsSync(join(dataDir, "copy.db")), false);
});

test("a backup of a PostgreSQL that is written to is one sound SQLite file, from which both databases can be restored", async (t) => {
  const [sqlite, postgres] = testDatabases;
  assert.ok(sqlite && postgres);
  const { dataDir } = await start(t);
  const database = await postgres.open(t);
  const lineage = await readOrMakeLineage(database);
  const audit = createAuditLog({ database, now });
  const entry = (object: string) => audit.record({ actor, action: "test", object, result: "done" });
  for (let index = 0; index < 50; index++) await entry(`before ${index}`);
  const file = join(dataDir, "copy.db");
  const backup = createBackup({ dataDir, postgresUrl: database.postgresUrl, audit });
  const [made] = await Promise.all([
    backup(file, actor),
    ...Array.from({ length: 50 }, (_, i) => entry(`during ${i}`)),
  ]);
  assert.ok(made.auditEntries >= 50 && made.auditEntries <= 100, String(made.auditEntries));
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.equal(existsSync(`${file}-wal`), false);

  for (const kind of [sqlite, postgres]) {
    const restored = await kind.open(t);
    await copyDatabase(file, restored, { newLineage: false });
    const check = await createAuditLog({ database: restored, now }).verify();
    assert.deepEqual([check.intact, check.entries], [true, made.auditEntries]);
    assert.notEqual(await readOrMakeLineage(restored), lineage);
  }
});
