import type { Kysely } from "kysely";

export type Migration = {
  name: string;
  /**
   * Older nodes run on while this does, and after it: add only, shortly, and with a default (decision 0018). A migration that
   * takes something away says in `removes` since which version no program uses it.
   */
  up(db: Kysely<unknown>): Promise<void>;
  removes?: string;
};
