import { initial } from "./0001-initial.ts";
import { preventionSetsAndBlocks } from "./0002-prevention-sets-and-blocks.ts";
import { consoleTables } from "./0003-console.ts";
import { ordersInTheConsole } from "./0004-orders-in-the-console.ts";
import { ordersByTime } from "./0005-orders-by-time.ts";
import type { Migration } from "./migration.ts";

/** Append only, forward only: never reorder, change or remove a line that has been released. */
export const migrations: readonly Migration[] = [
  initial,
  preventionSetsAndBlocks,
  consoleTables,
  ordersInTheConsole,
  ordersByTime,
];
