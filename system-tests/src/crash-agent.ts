/**
 * The agent as its own main composes it, with two things that a test needs: it ends by SIGKILL where --kill-file says
 * (crash-at.ts), and with --effect-file isolation is that file and not the machine's own network. Everything else is real:
 * journal, link, programs. Further arguments as of `cordon-agent start`.
 */
import { parseArgs } from "node:util";
import { startAgent } from "@cordon/endpoint-agent";
import { linuxEnforcers } from "@cordon/response-actions/enforcers";
import { pino } from "pino";
import { crashAt } from "./crash-at.ts";
import { createFileIsolationEnforcer } from "./crash-file-isolation.ts";

const text = { type: "string" } as const;
const { values } = parseArgs({
  allowPositionals: true,
  options: {
    "kill-file": text,
    "effect-file": text,
    "state-dir": text,
    guard: text,
    server: { ...text, multiple: true },
  },
});
const { "kill-file": killFile, "effect-file": effectFile, "state-dir": stateDir = "", server = [] } = values;

const agent = await startAgent({
  stateDir,
  log: pino({ errorKey: "error" }, pino.destination({ fd: 2, sync: true })),
  ...(server.length === 0 ? {} : { servers: server.map((url) => new URL(url).host) }),
  ...(effectFile === undefined
    ? {}
    : {
        enforcers: {
          "network-isolation": createFileIsolationEnforcer(effectFile),
          "run-process": linuxEnforcers["run-process"](),
        },
      }),
  checkpoint: crashAt(killFile),
});
if (typeof agent === "string") throw new Error(agent);
for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => void agent.close());
process.stdout.write(`${JSON.stringify({ ready: true, sensorId: agent.status().sensorId, pid: process.pid })}\n`);
