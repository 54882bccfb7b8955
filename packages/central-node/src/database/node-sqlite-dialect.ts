import type { DatabaseSync, SQLInputValue } from "node:sqlite";
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

/** Kysely over Node's own SQLite: one connection, used by one query or transaction at a time. */
export function createNodeSqliteDialect(sqlite: DatabaseSync): Dialect {
  return {
    createAdapter: createQueuedAdapter,
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createDriver: () => createDriver(sqlite),
  };
}

/**
 * The driver below keeps a queue of its own. Kysely's lock for dialects with one connection wakes all who wait each time it
 * is released: of 10,000 reads at once, as when all agents come back, every one would cost thousands of wake-ups.
 */
function createQueuedAdapter(): SqliteAdapter {
  return Object.defineProperty(new SqliteAdapter(), "supportsMultipleConnections", { value: true });
}

/** Statements kept prepared; the SQL that stores make is a small fixed set, but lists of values vary in length. */
const maxPreparedStatements = 200;

function createDriver(sqlite: DatabaseSync): Driver {
  const connection = createConnection(sqlite);
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
    },
    async rollbackTransaction() {
      // SQLite itself rolls back on some errors (a full disk, say); a second rollback would hide the first error.
      if (sqlite.isTransaction) sqlite.exec("rollback");
    },
    async destroy() {
      sqlite.close();
    },
  };
}

function createConnection(sqlite: DatabaseSync): DatabaseConnection {
  const prepared = new Map<string, ReturnType<DatabaseSync["prepare"]>>();

  function prepare(sql: string) {
    const known = prepared.get(sql);
    if (known !== undefined) return known;
    if (prepared.size >= maxPreparedStatements) prepared.clear();
    const statement = sqlite.prepare(sql);
    prepared.set(sql, statement);
    return statement;
  }

  return {
    async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
      const statement = prepare(query.sql);
      const parameters = query.parameters as SQLInputValue[];
      if (statement.columns().length > 0) return { rows: statement.all(...parameters) as R[] };
      const { changes } = statement.run(...parameters);
      return { rows: [], numAffectedRows: BigInt(changes) };
    },
    // biome-ignore lint/correctness/useYield: no store streams; Kysely's interface asks for the method
    async *streamQuery() {
      throw new Error("streaming is not used on SQLite");
    },
  };
}
