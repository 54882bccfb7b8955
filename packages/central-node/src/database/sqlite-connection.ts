import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";

type Prepared = { statement: StatementSync; columns: string[] };
export type SqliteRow = Record<string, unknown>;
export type SqliteConnection = ReturnType<typeof createSqliteConnection>;

/** Statements kept prepared; the SQL that stores make is a small fixed set, but lists of values vary in length. */
const maxPreparedStatements = 200;

/** One connection with its statements kept prepared. Whatever it does is done when it returns. */
export function createSqliteConnection(sqlite: DatabaseSync) {
  const prepared = new Map<string, Prepared>();

  function prepare(sql: string): Prepared {
    const known = prepared.get(sql);
    if (known !== undefined) return known;
    if (prepared.size >= maxPreparedStatements) prepared.clear();
    const statement = sqlite.prepare(sql);
    // The rows that Node makes are slow dictionaries, and asking for the columns takes longer than most of our queries.
    statement.setReturnArrays(true);
    const made = { statement, columns: columnsOf(statement) };
    prepared.set(sql, made);
    return made;
  }

  return {
    /** Rows of a query, or how many were changed by what gives none. */
    run(sql: string, parameters: readonly unknown[]): { rows: SqliteRow[]; changes: number | bigint } {
      const made = prepare(sql);
      const values = parameters as SQLInputValue[];
      if (made.columns.length === 0) return { rows: [], changes: made.statement.run(...values).changes };
      const found = made.statement.all(...values) as unknown as unknown[][];
      // A column was added since: SQLite has prepared it anew.
      if (found[0] !== undefined && found[0].length !== made.columns.length) made.columns = columnsOf(made.statement);
      return { rows: found.map((row) => toRow(made.columns, row)), changes: 0 };
    },
    exec: (sql: string): void => sqlite.exec(sql),
    isInTransaction: (): boolean => sqlite.isTransaction,
    close: (): void => sqlite.close(),
  };
}

function columnsOf(statement: StatementSync): string[] {
  return statement.columns().map(({ name }) => name);
}

function toRow(columns: string[], values: unknown[]): SqliteRow {
  const row: SqliteRow = {};
  for (let index = 0; index < columns.length; index++) row[columns[index] as string] = values[index];
  return row;
}
