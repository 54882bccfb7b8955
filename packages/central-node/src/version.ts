import { readFileSync } from "node:fs";

/** One version for all that is shipped together. */
export const version: string = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")).version;
