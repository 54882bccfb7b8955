import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { createTerminal } from "@cordon/terminal";
import { claimDataDir } from "../admin-socket/data-dir.ts";
import { createAuditLog } from "../audit/audit-log.ts";
import { openDatabase } from "../database/database.ts";
import { readOrMakeLineage } from "../database/lineage.ts";
import { testDatabases } from "../database/test-databases.ts";
import { createServerProgram } from "./program.ts";

const [, postgres] = testDatabases;
assert.ok(postgres);
const now = () => new Date();

const type = (...flags: string[]) => typeWords("database", "copy", ...flags);

async function typeWords(...line: string[]) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const terminal = createTerminal({ stdin: Readable.from([""]), stdout, stderr, environment: {} });
  const program = createServerProgram({ terminal, environment: {}, account: "tester", now });
  const output = Promise.all([text(stdout), text(stderr)]);
  const exitCode = await program.run(line);
  stdout.end();
  stderr.end();
  const [shown, complaint] = await output;
  return { exitCode, shown, complaint };
}

/** A data directory of a node that was stopped. */
async function makeStoppedNode(t: TestContext): Promise<{ dataDir: string; file: string; lineage: string }> {
  const dataDir = mkdtempSync(join(tmpdir(), "cordon-test-"));
  t.after(() => rmSync(dataDir, { recursive: true, force: true }));
  claimDataDir(dataDir).release();
  const file = join(dataDir, "cordon.db");
  const database = await openDatabase(file);
  const lineage = await readOrMakeLineage(database);
  const actor = { kind: "local-administrator", id: "root", address: null, fingerprint: null } as const;
  const audit = createAuditLog({ database, now });
  for (let index = 0; index < 20; index++) await audit.record({ actor, action: "test", object: "o", result: "done" });
  await database.close();
  return { dataDir, file, lineage };
}

test("what is not a verb of databases copies nothing", async (t) => {
  const { dataDir, file } = await makeStoppedNode(t);
  const target = join(dataDir, "copy.db");
  const { exitCode, complaint } = await typeWords("database", "compact", "--from", file, "--to", target);
  assert.equal(exitCode, 2, complaint);
  assert.equal(existsSync(target), false);
});

test("a move to PostgreSQL keeps lineage and audit chain, and no node starts on what was left", async (t) => {
  const { file, lineage } = await makeStoppedNode(t);
  const url = await postgres.locate(t);
  const moved = await type("--from", file, "--to", url, "--json");
  assert.equal(moved.exitCode, 0, moved.complaint);
  const { auditEntries, sourceMarkedAsMoved } = JSON.parse(moved.shown);
  assert.deepEqual([auditEntries, sourceMarkedAsMoved], [20, true]);
  const target = await openDatabase(url);
  t.after(() => target.close());
  assert.equal(await readOrMakeLineage(target), lineage);
  await assert.rejects(openDatabase(file), /this database was moved to another one/);
});

test("a database that a node has open is not moved, but a PostgreSQL can be backed up and restored meanwhile", async (t) => {
  const { dataDir, file, lineage } = await makeStoppedNode(t);
  const url = await postgres.locate(t);
  const claim = claimDataDir(dataDir);
  assert.match((await type("--from", file, "--to", url)).complaint, /a Central Node is already running/);
  claim.release();
  assert.equal((await type("--from", file, "--to", url)).exitCode, 0);

  const running = await openDatabase(url);
  t.after(() => running.close());
  await readOrMakeLineage(running);
  const copy = join(dataDir, "backup.db");
  assert.match((await type("--from", url, "--to", copy)).complaint, /Central Nodes are connected/);
  assert.equal((await type("--from", url, "--to", copy, "--new-lineage")).exitCode, 0);

  for (const restored of [await postgres.locate(t), await postgres.locate(t)]) {
    assert.equal((await type("--from", copy, "--to", restored)).exitCode, 0);
    const database = await openDatabase(restored);
    t.after(() => database.close());
    assert.notEqual(await readOrMakeLineage(database), lineage);
    assert.equal((await createAuditLog({ database, now }).verify()).entries, 20);
  }
});
