/**
 * The Central Node as its own main composes it, but that it ends by SIGKILL where --kill-file says (crash-at.ts). It has no
 * admin socket: nobody administers it in the moments that it lives. Further arguments as of `cordon-server start`.
 */
import { parseArgs } from "node:util";
import { createCentralNode, readConfig } from "@cordon/central-node";
import { pino } from "pino";
import { crashAt } from "./crash-at.ts";

const text = { type: "string" } as const;
const { values } = parseArgs({
  allowPositionals: true,
  options: { "kill-file": text, "data-dir": text, api: text, console: text, metrics: text, database: text },
});
const { "kill-file": killFile, "data-dir": dataDir = "", database, ...addresses } = values;
const node = await createCentralNode({
  config: readConfig({
    configFile: undefined,
    environment: {},
    flags: { ...addresses, dataDir, ...(database === undefined ? {} : { database }) },
  }),
  log: pino({}, pino.destination({ dest: 2, sync: true })),
  now: () => new Date(),
  checkpoint: crashAt(killFile),
});
for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => void node.close());
const { api, console: consoleUrl, metrics } = node;
process.stdout.write(`${JSON.stringify({ ready: true, api, console: consoleUrl, metrics, pid: process.pid })}\n`);
