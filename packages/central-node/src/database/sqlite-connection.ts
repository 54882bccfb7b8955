import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";

type Prepared = { statement: StatementSync; width: number; toRow: (values: unknown[]) => SqliteRow };
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
    const made = { statement, ...shapeOf(statement) };
    prepared.set(sql, made);
    return made;
  }

  return {
    /** Rows of a query, or how many were changed by what gives none. */
    run(sql: string, parameters: readonly unknown[]): { rows: SqliteRow[]; changes: number | bigint } {
      const made = prepare(sql);
      const values = parameters as SQLInputValue[];
      if (made.width === 0) return { rows: [], changes: made.statement.run(...values).changes };
      const found = made.statement.all(...values) as unknown as unknown[][];
      // A column was added since: SQLite has prepared it anew.
      if (found[0] !== undefined && found[0].length !== made.width) Object.assign(made, shapeOf(made.statement));
      return { rows: found.map(made.toRow), changes: 0 };
    },
    exec: (sql: string): void => sqlite.exec(sql),
    isInTransaction: (): boolean => sqlite.isTransaction,
    close: (): void => sqlite.close(),
  };
}

/** Code of its own for each statement: what fills objects of any shape is many times slower, for us and for who reads them. */
function shapeOf(statement: StatementSync): Omit<Prepared, "statement"> {
  const names = statement.columns().map(({ name }) => name);
  const members = names.map((name, index) => `${JSON.stringify(name)}: values[${index}]`);
  // The names come from our own SQL and schema, and stand as JSON text.
  return {
    width: names.length,
    toRow: new Function("values", `return { ${members.join(", ")} }`) as Prepared["toRow"],
  };
}
