import type { StatementSync } from "node:sqlite";

/** Access for the journal's stores. */
export type JournalDatabase = { prepare(sql: string): StatementSync };
