import type { Kysely } from "kysely";
import { initial } from "./0001-initial.ts";

export type Migration = { name: string; up(db: Kysely<unknown>): Promise<void> };

/** Append only, forward only: never reorder, change or remove a line that has been released. */
export const migrations: readonly Migration[] = [initial];
