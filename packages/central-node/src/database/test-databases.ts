/** The databases that a store test runs on: SQLite always, and a real PostgreSQL 18. For tests only. */
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, type TestContext } from "node:test";
import pg from "pg";
import { type Database, openDatabase } from "./database.ts";
import { startPostgres } from "./test-postgres.ts";

export type TestDatabase = {
  name: "SQLite" | "PostgreSQL";
  /** A fresh, empty database's location, gone after the test. */
  locate(t: TestContext): Promise<string>;
  open(t: TestContext): Promise<Database>;
};

export const testDatabases: readonly TestDatabase[] = [
  withOpen("SQLite", locateSqlite),
  withOpen("PostgreSQL", locatePostgres),
];

function withOpen(name: TestDatabase["name"], locate: TestDatabase["locate"]): TestDatabase {
  return {
    name,
    locate,
    async open(t) {
      const database = await openDatabase(await locate(t));
      t.after(() => database.close());
      return database;
    },
  };
}

async function locateSqlite(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "cordon-test-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return join(folder, "cordon.db");
}

async function locatePostgres(t: TestContext): Promise<string> {
  const server = await postgresServer();
  const name = `cordon_${randomUUID().replaceAll("-", "")}`;
  await onServer(server, `create database ${name}`);
  t.after(() => onServer(server, `drop database if exists ${name} with (force)`));
  return `${server}/${name}`;
}

async function onServer(server: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: `${server}/postgres` });
  await client.connect();
  await client.query(statement);
  await client.end();
}

let started: ReturnType<typeof startPostgres> | null = null;
// The server is a child of this process and would keep it alive.
after(async () => (await started)?.stop());

/** The server that `npm test` started for every file (CORDON_TEST_POSTGRES), or one of this process's own. */
async function postgresServer(): Promise<string> {
  const shared = process.env.CORDON_TEST_POSTGRES;
  if (shared !== undefined) return shared;
  started ??= startPostgres();
  return (await started).url;
}
