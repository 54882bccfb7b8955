import { randomUUID } from "node:crypto";
import type { Database } from "./database.ts";
import { readOrMakeValue } from "./kept-value.ts";

/** Names the history of this database; a restored backup has another one (see the agent protocol's Welcome). */
export const readOrMakeLineage = (database: Database): Promise<string> =>
  readOrMakeValue(database, "lineage", { isGood: () => true, make: randomUUID });
