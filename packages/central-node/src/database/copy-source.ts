import { DatabaseSync } from "node:sqlite";
import pg from "pg";
import { isPostgres, numbersOfBigints } from "./postgres.ts";

export type Row = Record<string, string | number | null>;

/** One state of a database, read table by table without holding a table in memory. */
export type CopySource = {
  tables(): Promise<string[]>;
  rows(table: string): AsyncIterable<Row>;
  close(): Promise<void>;
};

export async function openCopySource(location: string): Promise<CopySource> {
  return isPostgres(location) ? openPostgres(location) : openSqlite(location);
}

function openSqlite(file: string): CopySource {
  const source = new DatabaseSync(file, { readOnly: true });
  source.exec("begin");
  return {
    async tables() {
      return source
        .prepare("select name from sqlite_schema where type = 'table' order by name")
        .all()
        .map(({ name }) => String(name));
    },
    async *rows(table) {
      for (const row of source.prepare(`select * from ${table}`).iterate()) yield row as Row;
    },
    async close() {
      source.close();
    },
  };
}

async function openPostgres(url: string): Promise<CopySource> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: 10_000,
    application_name: "cordon-database-copy",
    types: numbersOfBigints,
  });
  // A connection that breaks fails the query that is under way; without a listener it would end the process.
  client.on("error", () => {});
  await client.connect();
  await client.query("begin isolation level repeatable read read only");
  return {
    async tables() {
      const { rows } = await client.query(
        "select table_name from information_schema.tables where table_schema = current_schema() order by table_name",
      );
      return rows.map((row) => String(row.table_name));
    },
    async *rows(table) {
      await client.query(`declare copied no scroll cursor for select * from ${table}`);
      for (;;) {
        // Few, since one row may hold the whole output of a program.
        const { rows } = await client.query<Row>("fetch 100 from copied");
        if (rows.length === 0) break;
        yield* rows;
      }
      await client.query("close copied");
    },
    close: () => client.end(),
  };
}

/** How many Central Nodes are connected to a PostgreSQL database. */
export async function countConnectedNodes(url: string): Promise<number> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  await client.connect();
  try {
    const { rows } = await client.query(
      "select count(*)::int as nodes from pg_stat_activity where datname = current_database() and application_name = 'cordon-central-node'",
    );
    return rows[0].nodes;
  } finally {
    await client.end();
  }
}
