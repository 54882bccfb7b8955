import type { Compilable, CompiledQuery, QueryExecutorProvider } from "kysely";
import { sqliteRunnerOf } from "./node-sqlite-dialect.ts";
import type { Reader, Tx } from "./tables.ts";

type Made<Name, Row> = {
  compiled: CompiledQuery<Row>;
  /** What stands in place of each parameter: a value that is given, or one that is the same each time. */
  takes: ({ given: Name } | { value: unknown })[];
  /** On SQLite: runs it at once, without Kysely's promises. */
  run: ((parameters: unknown[]) => Row[]) | null;
};

/**
 * A statement of a hot path: Kysely takes many times as long to put it together as SQLite to run it. `build` is called once
 * for each Kysely (SQLite has one to read and one to write), and only with marks in place of the values: what it makes must
 * not depend on them, and it must pass each on as a value of its own. Names of values are the caller's; values are text.
 */
export function compileOnce<Name extends string, Row>(
  build: (db: Reader, given: Record<Name, string>) => Compilable<Row>,
): (db: Reader | Tx, given: Record<Name, string>) => Promise<Row[]> {
  /** By the adapter, which a database shares with its transactions. */
  const made = new WeakMap<object, Made<Name, Row>>();

  function madeFor(db: Reader | Tx): Made<Name, Row> {
    const { adapter } = (db as QueryExecutorProvider).getExecutor();
    const known = made.get(adapter);
    if (known !== undefined) return known;
    const marks = new Proxy({} as Record<Name, string>, { get: (_target, name) => markOf(String(name)) });
    const compiled = build(db, marks).compile();
    const takes = compiled.parameters.map((parameter) =>
      isMark(parameter) ? { given: parameter.slice(1) as Name } : { value: parameter },
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

/** No text that a database keeps begins with NUL. */
function markOf(name: string): string {
  return `\0${name}`;
}

function isMark(parameter: unknown): parameter is string {
  return typeof parameter === "string" && parameter.startsWith("\0");
}
