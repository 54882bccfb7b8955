import { Problem } from "@cordon/contract";
import type { ListFieldKind } from "@cordon/contract/console-api";
import { type RawBuilder, sql } from "kysely";
import type { Database } from "./database.ts";

export type ListColumn = {
  kind: ListFieldKind;
  /** Text, or a number where the kind is `number`; null: there is none. */
  sql: RawBuilder<unknown>;
  /** Every row has one: an index on it can then serve the order. */
  isNeverNone?: boolean;
  /** Names of joins that it reads from. */
  needs?: readonly string[];
  /** What a `choice` can be. */
  choices?: readonly string[];
  /** The text is a JSON list of texts: `is` finds the rows that have this one in it. */
  isList?: boolean;
  /** Compares in its own way, where `sql` cannot say it. Such a column is not for sorting. */
  matches?(value: string): RawBuilder<unknown>;
};

const operators = {
  text: ["contains", "not-contains", "is", "is-not"],
  choice: ["is", "is-not"],
  time: ["is", "is-not", "before", "after"],
  number: ["is", "is-not", "before", "after"],
} as const satisfies Record<ListColumn["kind"], readonly string[]>;

type Operator = (typeof operators)[keyof typeof operators][number];

/** One `field:operator:value`, read and possible. */
type Filter = { column: ListColumn; operator: Operator; value: string | number };

/** Throws BAD_REQUEST with what is possible. */
export function readFilters(
  columns: Readonly<Record<string, ListColumn>>,
  given: string | string[] | undefined,
): Filter[] {
  return (given === undefined ? [] : [given].flat()).map((text) => {
    const [, field = "", operator = "", value = ""] = /^([^:]*):([^:]*):(.*)$/s.exec(text) ?? [];
    const column = Object.hasOwn(columns, field) ? columns[field] : undefined;
    if (column === undefined) {
      throw refusal(text, `the fields of this list are ${Object.keys(columns).join(", ")}`);
    }
    const possible: readonly string[] = operators[column.kind];
    if (!possible.includes(operator)) throw refusal(text, `the operators of ${field} are ${possible.join(", ")}`);
    if (value.includes("\0")) throw refusal(text, "no value holds NUL");
    return { column, operator: operator as Operator, value: readValue(column, value, text) };
  });
}

function readValue(column: ListColumn, value: string, text: string): string | number {
  if (column.choices !== undefined && !column.choices.includes(value)) {
    throw refusal(text, `the value must be one of ${column.choices.join(", ")}`);
  }
  if (column.kind === "number") {
    if (!/^-?\d{1,15}$/.test(value)) throw refusal(text, "the value must be a whole number");
    return Number(value);
  }
  // An empty one stands for "none", also of times.
  if (column.kind !== "time" || value === "") return value;
  const at = new Date(value);
  if (Number.isNaN(at.getTime())) throw refusal(text, "the value must be a time as 2026-11-24T10:00:00Z");
  return at.toISOString();
}

function refusal(filter: string, what: string): Problem {
  const shown = JSON.stringify(filter.length > 100 ? `${filter.slice(0, 100)}…` : filter);
  return new Problem("BAD_REQUEST", { message: `filter ${shown}: it must be field:operator:value, and ${what}` });
}

export function conditionOf(kind: Database["kind"], { column, operator, value }: Filter): RawBuilder<unknown> {
  const negated = operator === "is-not" || operator === "not-contains";
  const found = matchOf(kind, column, operator, value);
  return negated ? sql`not (${found})` : sql`(${found})`;
}

function matchOf(
  kind: Database["kind"],
  column: ListColumn,
  operator: Operator,
  value: string | number,
): RawBuilder<unknown> {
  if (column.matches !== undefined) return column.matches(String(value));
  if (operator === "before") return sql`coalesce(${column.sql} < ${value}, false)`;
  if (operator === "after") return sql`coalesce(${column.sql} > ${value}, false)`;
  if (column.kind === "number") return sql`coalesce(${column.sql} = ${value}, false)`;
  const text = sql`coalesce(${column.sql}, '')`;
  const sought = String(value);
  if (operator === "contains" || operator === "not-contains") {
    const part = column.isList === true ? JSON.stringify(sought).slice(1, -1) : sought;
    return containsInAnyCase(kind, text, part);
  }
  return column.isList === true ? contains(kind, text, JSON.stringify(sought)) : sql`${text} = ${sought}`;
}

/** Reports, in SQL, whether a text is in another one. */
export function contains(kind: Database["kind"], text: RawBuilder<unknown>, part: string): RawBuilder<unknown> {
  return kind === "sqlite" ? sql`instr(${text}, ${part}) > 0` : sql`strpos(${text}, ${part}) > 0`;
}

/**
 * SQLite, and PostgreSQL in the locale C, know only ASCII's cases: the letters beyond it that are sought are put in lower
 * case by name.
 */
function containsInAnyCase(kind: Database["kind"], text: RawBuilder<unknown>, part: string): RawBuilder<unknown> {
  const sought = part.toLowerCase();
  const letters = [...new Set(sought)].filter(
    (letter) => letter > "\u007f" && [...letter.toUpperCase()].length === 1 && letter.toUpperCase() !== letter,
  );
  const lower = sql`lower(${text})`;
  if (letters.length === 0) return contains(kind, lower, sought);
  if (kind === "postgres") {
    return contains(kind, sql`translate(${lower}, ${letters.join("").toUpperCase()}, ${letters.join("")})`, sought);
  }
  const folded = letters.reduce((before, letter) => sql`replace(${before}, ${letter.toUpperCase()}, ${letter})`, lower);
  // Most texts are ASCII alone, and need no look.
  return sql`length(cast(${text} as blob)) > length(${text}) and ${contains(kind, folded, sought)}`;
}
