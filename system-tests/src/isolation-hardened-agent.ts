/** cordon-agent with a shorter trial of new rules: nobody wants to watch a minute pass. Arguments as of `cordon-agent start`. */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startAgent } from "@cordon/endpoint-agent";
import { linuxEnforcers } from "@cordon/response-actions/enforcers";
import { pino } from "pino";

const text = { type: "string", default: "" } as const;
// That it guards nothing is said to every agent of a test.
const { values } = parseArgs({ allowPositionals: true, options: { "state-dir": text, guard: text } });
const stateDir = values["state-dir"];

const agent = await startAgent({
  stateDir,
  log: pino({ errorKey: "error" }, pino.destination({ fd: 2, sync: true })),
  enforcers: {
    "network-isolation": linuxEnforcers["network-isolation"]({ directory: join(stateDir, "isolation"), trialSec: 8 }),
    "run-process": linuxEnforcers["run-process"](),
  },
});
if (typeof agent === "string") throw new Error(agent);
for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => void agent.close());
process.stdout.write(`${JSON.stringify({ ready: true, sensorId: agent.status().sensorId, pid: process.pid })}\n`);
