import { type Compilable, CompiledQuery, type QueryExecutorProvider } from "kysely";
import { sqliteRunnerOf } from "./node-sqlite-dialect.ts";
import type { Reader, Tx } from "./tables.ts";

type Value = string | number | null;
type Made<Given, Row> = {
  compiled: CompiledQuery<Row>;
  /** What stands in place of each parameter: a value that is given, or one that is the same each time. */
  takes: ({ given: keyof Given } | { value: unknown })[];
  /** On SQLite: runs it at once, without Kysely's promises. */
  run: ((parameters: unknown[]) => Row[]) | null;
};

/**
 * A statement of a hot path: Kysely takes many times as long to put it together as SQLite to run it. `build` is called once
 * for each Kysely (SQLite has one to read and one to write), and only with marks in place of the values: what it makes must
 * not depend on them, and it must pass each on as a value of its own. Names of values are the caller's.
 */
export function compileOnce<Given extends { [name in keyof Given]: Value }, Row>(
  build: (db: Reader, given: Given) => Compilable<Row>,
): (db: Reader | Tx, given: Given) => Promise<Row[]> {
  /** By the adapter, which a database shares with its transactions. */
  const made = new WeakMap<object, Made<Given, Row>>();

  function madeFor(db: Reader | Tx): Made<Given, Row> {
    const { adapter } = (db as QueryExecutorProvider).getExecutor();
    const known = made.get(adapter);
    if (known !== undefined) return known;
    const marks = new Proxy({}, { get: (_target, name) => markOf(String(name)) });
    const compiled = build(db, marks as Given).compile();
    const takes = compiled.parameters.map((parameter) =>
      isMark(parameter) ? { given: parameter.slice(1) as keyof Given } : { value: parameter },
    );
    const runner = sqliteRunnerOf(adapter);
    const run = runner === null ? null : (parameters: unknown[]) => runner(compiled.sql, parameters) as Row[];
    const now = { compiled, takes, run };
    made.set(adapter, now);
    return now;
  }

  return async (db, given) => {
    const { compiled, takes, run } = madeFor(db);
    const parameters = takes.map((take) => ("given" in take ? given[take.given] : take.value));
    if (run !== null) return run(parameters);
    return (await db.executeQuery<Row>({ ...compiled, parameters })).rows;
  };
}

/** The columns of what is given, all of which a row to insert has: marks do not say which there are. */
export function rowOf<Row>(given: Row, columns: { [column in keyof Row]-?: boolean }): Row {
  const names = Object.keys(columns) as (keyof Row)[];
  return Object.fromEntries(names.map((name) => [name, given[name]])) as Row;
}

/** A statement without values, run as `compileOnce` does. */
export async function runBare(db: Reader | Tx, statement: string): Promise<void> {
  const run = sqliteRunnerOf((db as QueryExecutorProvider).getExecutor().adapter);
  if (run === null) await db.executeQuery(CompiledQuery.raw(statement));
  else run(statement, []);
}

/** No text that a database keeps begins with NUL. */
function markOf(name: string): string {
  return `\0${name}`;
}

function isMark(parameter: unknown): parameter is string {
  return typeof parameter === "string" && parameter.startsWith("\0");
}
