import { chmodSync, closeSync, openSync } from "node:fs";
import { Socket } from "node:net";
import { DatabaseSync } from "node:sqlite";
import { Kysely, PostgresDialect, sql } from "kysely";
import pg from "pg";
import { createGroupCommit } from "./group-commit.ts";
import { migrate } from "./migrate.ts";
import { migratePostgres } from "./migrate-postgres.ts";
import { createNodeSqliteDialect } from "./node-sqlite-dialect.ts";
import { isPostgres, numbersOfBigints } from "./postgres.ts";
import { createSnapshot } from "./sqlite-snapshot.ts";
import type { Reader, Tables, Tx } from "./tables.ts";

export type { Reader, Tx } from "./tables.ts";

export type Database = {
  kind: "sqlite" | "postgres";
  /**
   * Reads see only what is committed and durable, and all that this Central Node has committed before. On SQLite another
   * program's commits are seen from the next turn of the event loop on.
   */
  read: Reader;
  /**
   * Runs `work` in a transaction and resolves once it is durable. `work` must only use its transaction and may run again
   * after a conflict with another Central Node. Works that arrive together share one commit; one that throws is undone alone.
   */
  write<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  /** As `write`, but after every other writeInTurn of every Central Node: what it reads stays true until it commits. */
  writeInTurn<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  /** The connection string, for what needs a connection of its own (LISTEN); null on SQLite. */
  postgresUrl: string | null;
  close(): Promise<void>;
};

/** Opens `postgres://…` or an SQLite file (made with mode 0600 if missing), and migrates it to the newest schema. */
export async function openDatabase(location: string): Promise<Database> {
  const postgres = isPostgres(location);
  const { read, write, close } = postgres ? openPostgres(location) : openSqlite(location);
  try {
    await (postgres ? migratePostgres(location) : migrate(write, "sqlite"));
  } catch (error) {
    await close();
    throw error;
  }
  const commits = createGroupCommit(write);
  return {
    kind: postgres ? "postgres" : "sqlite",
    read,
    write: (work) => commits.add(work, { inTurn: false }),
    writeInTurn: (work) => commits.add(work, { inTurn: true }),
    postgresUrl: postgres ? location : null,
    async close() {
      await commits.settled();
      await close();
    },
  };
}

function openSqlite(file: string) {
  // Made by us first: SQLite would make it with the umask's mode, and it holds the CA's key.
  closeSync(openSync(file, "a", 0o600));
  chmodSync(file, 0o600);
  const writer = new DatabaseSync(file);
  writer.exec(`
    pragma journal_mode = wal;
    pragma synchronous = full;
    pragma busy_timeout = 10000;
    pragma foreign_keys = on;
  `);
  // A connection of its own, so that a read between two statements of a write never sees what is not committed.
  const reader = new DatabaseSync(file);
  reader.exec("pragma busy_timeout = 10000; pragma query_only = on");
  const snapshot = createSnapshot(reader);
  const write = new Kysely<Tables>({ dialect: createNodeSqliteDialect(writer, { afterCommit: snapshot.end }) });
  const read = new Kysely<Tables>({ dialect: createNodeSqliteDialect(reader, { beforeStatement: snapshot.begin }) });
  return {
    read,
    write,
    async close() {
      await read.destroy();
      await write.destroy();
    },
  };
}

function openPostgres(url: string) {
  const pool = new pg.Pool({
    connectionString: url,
    max: 10,
    connectionTimeoutMillis: 10_000,
    // A Central Node that hangs in mid-transaction loses its turn before the others give up waiting for it: their orders
    // come later, and none fails.
    idle_in_transaction_session_timeout: 6_000,
    lock_timeout: 8_000,
    statement_timeout: 10_000,
    stream: openSocket,
    application_name: "cordon-central-node",
    types: numbersOfBigints,
  });
  // Connections that break are replaced at the next query. Without a listener the process would end: the pool's for those
  // that are idle, the connection's own for one that is used, whose query fails in any case.
  pool.on("error", () => {});
  pool.on("connect", (client) => client.on("error", () => {}));
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
  return { read: db, write: db, close: () => db.destroy() };
}

/** Above statement_timeout, within which a PostgreSQL that can be reached always answers. */
const silenceMs = 12_000;

/** Where the network swallows everything, TCP itself would keep a request waiting for a quarter of an hour. */
function openSocket(): Socket {
  const socket = new Socket();
  socket.setTimeout(silenceMs, () => socket.destroy(new Error("timeout: PostgreSQL is silent")));
  return socket;
}

/** Reports whether the database answers and takes writes: a PostgreSQL that stands by for another one answers, too. */
export async function takesWrites({ kind, read }: Pick<Database, "kind" | "read">): Promise<boolean> {
  try {
    if (kind === "sqlite") {
      await sql`select 1`.execute(read);
      return true;
    }
    const answer = await sql<{ mode: string }>`select current_setting('transaction_read_only') as mode`.execute(read);
    return answer.rows[0]?.mode === "off";
  } catch {
    // Why it is not reachable is logged where requests fail; here only the fact counts.
    return false;
  }
}
