import type { Compilable, CompiledQuery, QueryExecutorProvider } from "kysely";
import type { Reader, Tx } from "./tables.ts";

/**
 * A statement of a hot path: Kysely takes many times as long to put it together as SQLite to run it. `build` is called once
 * for each Kysely (SQLite has one to read and one to write), and only with marks in place of the values: what it makes must
 * not depend on them, and it must pass each on as a value of its own. Names of values are the caller's; values are text.
 */
export function compileOnce<Name extends string, Row>(
  build: (db: Reader, given: Record<Name, string>) => Compilable<Row>,
): (db: Reader | Tx, given: Record<Name, string>) => Promise<Row[]> {
  /** By the adapter, which a database shares with its transactions. */
  const made = new WeakMap<object, CompiledQuery<Row>>();

  function compiledFor(db: Reader | Tx): CompiledQuery<Row> {
    const { adapter } = (db as QueryExecutorProvider).getExecutor();
    let compiled = made.get(adapter);
    if (compiled === undefined) {
      const marks = new Proxy({} as Record<Name, string>, { get: (_target, name) => markOf(String(name)) });
      compiled = build(db, marks).compile();
      made.set(adapter, compiled);
    }
    return compiled;
  }

  return async (db, given) => {
    const compiled = compiledFor(db);
    const parameters = compiled.parameters.map((parameter) =>
      isMark(parameter) ? given[parameter.slice(1) as Name] : parameter,
    );
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
