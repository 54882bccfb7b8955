import type { DatabaseSync } from "node:sqlite";
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from "kysely";
import { createSqliteConnection, type SqliteConnection, type SqliteRow } from "./sqlite-connection.ts";

type Needs = {
  /** Called before each statement. */
  beforeStatement?: () => void;
  /** Called after each commit. */
  afterCommit?: () => void;
};

/** What runs a statement at once, past Kysely's promises and its queue. By the adapter, which a Kysely shares with its transactions. */
const runners = new WeakMap<object, (sql: string, parameters: readonly unknown[]) => SqliteRow[]>();

/** Null: not SQLite. Within a transaction only for its own statements. */
export const sqliteRunnerOf = (adapter: object) => runners.get(adapter) ?? null;

/** Kysely over Node's own SQLite: one connection, used by one query or transaction at a time. */
export function createNodeSqliteDialect(sqlite: DatabaseSync, needs: Needs = {}): Dialect {
  const connection = createSqliteConnection(sqlite);
  const run: SqliteConnection["run"] = (sql, parameters) => {
    needs.beforeStatement?.();
    return connection.run(sql, parameters);
  };
  return {
    createAdapter() {
      const adapter = createQueuedAdapter();
      runners.set(adapter, (sql, parameters) => run(sql, parameters).rows);
      return adapter;
    },
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createDriver: () => createDriver(connection, run, needs),
  };
}

/**
 * The driver below keeps a queue of its own. Kysely's lock for dialects with one connection wakes all who wait each time it
 * is released: of 10,000 reads at once, as when all agents come back, every one would cost thousands of wake-ups.
 */
function createQueuedAdapter(): SqliteAdapter {
  return Object.defineProperty(new SqliteAdapter(), "supportsMultipleConnections", { value: true });
}

function createDriver(sqlite: SqliteConnection, run: SqliteConnection["run"], { afterCommit }: Needs): Driver {
  const connection = createConnection(run);
  const waiting: (() => void)[] = [];
  let taken = false;

  return {
    init: async () => {},
    async acquireConnection() {
      if (taken) await new Promise<void>((resolve) => waiting.push(resolve));
      taken = true;
      return connection;
    },
    async releaseConnection() {
      const next = waiting.shift();
      if (next === undefined) taken = false;
      else next();
    },
    async beginTransaction() {
      // IMMEDIATE takes the write lock at once: a transaction that reads before it writes cannot fail half-way for it.
      sqlite.exec("begin immediate");
    },
    async commitTransaction() {
      sqlite.exec("commit");
      afterCommit?.();
    },
    async rollbackTransaction() {
      // SQLite itself rolls back on some errors (a full disk, say); a second rollback would hide the first error.
      if (sqlite.isInTransaction()) sqlite.exec("rollback");
    },
    async destroy() {
      sqlite.close();
    },
  };
}

function createConnection(run: SqliteConnection["run"]): DatabaseConnection {
  return {
    async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
      const { rows, changes } = run(query.sql, query.parameters);
      return { rows: rows as R[], numAffectedRows: BigInt(changes) };
    },
    // biome-ignore lint/correctness/useYield: no store streams; Kysely's interface asks for the method
    async *streamQuery() {
      throw new Error("streaming is not used on SQLite");
    },
  };
}
