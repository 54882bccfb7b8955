/**
 * The Central Node as its own main composes it, but that it kills itself at a checkpoint, once (crash-at.ts). It has no
 * admin socket: nobody administers it in the moments that it lives. Arguments as of `cordon-server start`.
 */
import { parseArgs } from "node:util";
import { createCentralNode, readConfig } from "@cordon/central-node";
import { pino } from "pino";
import { crashAt, crashFlags } from "./crash-at.ts";

const text = { type: "string" } as const;
const { values } = parseArgs({
  allowPositionals: true,
  options: { ...crashFlags, "data-dir": text, api: text, console: text, metrics: text, database: text },
});
const { "data-dir": dataDir, api: apiAddress, console: consoleAddress, metrics: metricsAddress, database } = values;
const config = readConfig({
  configFile: undefined,
  environment: {},
  flags: withoutUndefined({
    dataDir,
    api: apiAddress,
    console: consoleAddress,
    metrics: metricsAddress,
    database,
  }),
});
const node = await createCentralNode({
  config,
  log: pino({}, pino.destination({ dest: 2, sync: true })),
  now: () => new Date(),
  checkpoint: crashAt(values),
});
const { api, console: consoleUrl, metrics } = node;
for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => void node.close());
process.stdout.write(`${JSON.stringify({ ready: true, api, console: consoleUrl, metrics, pid: process.pid })}\n`);

function withoutUndefined(flags: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(flags).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
  );
}
