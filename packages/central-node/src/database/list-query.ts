/** Lists that people look through: filtered, sorted and cut into pages by the database, on both databases alike. */
import { describeFault, Problem } from "@cordon/contract";
import type { ListFieldKind } from "@cordon/contract/console-api";
import { type RawBuilder, sql } from "kysely";
import type { Database } from "./database.ts";
import { conditionOf, type ListColumn, readFilters } from "./list-filter.ts";

export type ListSource<Field extends string = string> = {
  from: RawBuilder<unknown>;
  /** Left out where neither filter nor sort reads from them: none may add or take away rows. */
  joins?: Readonly<Record<string, RawBuilder<unknown>>>;
  where?: RawBuilder<unknown>;
  /** Text that names a row: pages go on after it. */
  key: RawBuilder<unknown>;
  columns: Readonly<Record<Field, ListColumn>>;
  /** As `sort` of a query. */
  defaultSort: string;
};

/** The columns of a list of the console API, of the kinds that its table says. */
export type ColumnsOf<Fields extends Record<string, ListFieldKind>> = {
  [Field in keyof Fields]: ListColumn & { kind: Fields[Field] };
};

/** As `ListQuery` of the console API. */
export type ListRequest = { filter?: string | string[]; sort?: string; cursor?: string; limit?: number };

export type ListPage = { keys: string[]; nextCursor: string | null; total: number };

/** Of a text only so much is sorted by, so that a cursor, which holds it, stays short. */
const sortedCharacters = 64;

/** Keys of the rows of one page, in order, and how many rows there are in all. Throws BAD_REQUEST for what the list does not have. */
export async function listPage(
  database: Pick<Database, "kind" | "read">,
  source: ListSource,
  request: ListRequest,
): Promise<ListPage> {
  const { kind, read } = database;
  const limit = request.limit ?? 100;
  const filters = readFilters(source.columns, request.filter);
  const sort = readSort(source, request.sort);
  const after = request.cursor === undefined ? null : readCursor(request.cursor, sort.text);
  const conditions = filters.map((filter) => conditionOf(kind, filter));
  const all = sql.join([source.where ?? sql`1 = 1`, ...conditions], sql` and `);
  const fromFor = (columns: readonly ListColumn[]) => {
    const needed = new Set(columns.flatMap((column) => column.needs ?? []));
    const joins = Object.entries(source.joins ?? {}).filter(([name]) => needed.has(name));
    return sql.join([source.from, ...joins.map(([, join]) => join)], sql` `);
  };
  const filtered = filters.map((filter) => filter.column);
  const by = sortValue(sort.column);
  const direction = sort.descending ? sql`desc` : sql`asc`;
  const beyond = sort.descending ? sql`<` : sql`>`;
  const goesOn = after === null ? sql`1 = 1` : sql`(sorted_by, key) ${beyond} (${after.at}, ${after.key})`;
  const found = sql`select ${source.key} as key, ${by} as sorted_by from ${fromFor([...filtered, sort.column])} where ${all}`;
  // What a filter has to look at it looks at once; without one, counting is cheap and an index may give the page.
  const counted =
    filters.length > 0
      ? sql`with found as materialized (${found}) select key, sorted_by, (select count(*) from found) as total from found`
      : sql`select key, sorted_by, (select count(*) from ${fromFor([])} where ${all}) as total from (${found}) as found`;
  const { rows } = await sql<{ key: string; sorted_by: string | number; total: number }>`
    ${counted} where ${goesOn}
    order by sorted_by ${direction}, key ${direction} limit ${limit + 1}`.execute(read);
  const total = rows[0]?.total ?? (after === null ? 0 : await countAll());
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  return {
    keys: page.map((row) => row.key),
    nextCursor:
      rows.length <= limit || last === undefined ? null : writeCursor(sort.text, { at: last.sorted_by, key: last.key }),
    total: Number(total),
  };

  /** A page may have become empty since the one before it was read. */
  async function countAll(): Promise<number> {
    const { rows } = await sql<{ total: number }>`
      select count(*) as total from ${fromFor(filtered)} where ${all}`.execute(read);
    return rows[0]?.total ?? 0;
  }
}

function sortValue(column: ListColumn): RawBuilder<unknown> {
  if (column.isNeverNone === true && column.kind !== "text") return column.sql;
  if (column.kind === "number") return sql`coalesce(${column.sql}, -9007199254740991)`;
  return column.kind === "text"
    ? sql`substr(coalesce(${column.sql}, ''), 1, ${sql.lit(sortedCharacters)})`
    : sql`coalesce(${column.sql}, '')`;
}

function readSort(source: ListSource, asked: string | undefined) {
  const text = asked ?? source.defaultSort;
  const name = text.replace(/^-/, "");
  const column = Object.hasOwn(source.columns, name) ? source.columns[name] : undefined;
  if (column === undefined || column.matches !== undefined) {
    const possible = Object.entries(source.columns).filter(([, { matches }]) => matches === undefined);
    throw new Problem("BAD_REQUEST", {
      message: `this list cannot be sorted by ${JSON.stringify(name.slice(0, 64))}: possible are ${possible.map(([field]) => field).join(", ")}, each with - before it for descending`,
    });
  }
  return { text, column, descending: text.startsWith("-") };
}

function writeCursor(sort: string, { at, key }: { at: string | number; key: string }): string {
  return Buffer.from(JSON.stringify([sort, at, key])).toString("base64url");
}

function readCursor(cursor: string, sort: string): { at: string | number; key: string } {
  let value: unknown = null;
  try {
    value = JSON.parse(Buffer.from(cursor, "base64url").toString("utf8"));
  } catch {
    // Refused below, as is everything else that is none of ours.
  }
  const [of, at, key] = Array.isArray(value) ? value : [];
  const isOurs = of === sort && (typeof at === "string" || Number.isFinite(at)) && typeof key === "string";
  if (!isOurs || `${at}${key}`.includes("\0")) {
    const fault = { path: ["cursor"], rule: "must be the nextCursor of a page of this list, sorted the same way" };
    throw new Problem("BAD_REQUEST", { message: describeFault({ ...fault, value: cursor }) });
  }
  return { at, key };
}
