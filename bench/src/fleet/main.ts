/** `npm run fleet`: simulated hosts for a load test of any Central Node. */
import { createProgram, createTerminal } from "@cordon/terminal";
import { fleetVerb } from "./fleet-verb.ts";

const { stdin, stdout, stderr, env: environment } = process;
const program = createProgram({
  name: "fleet",
  description: "Simulated hosts for a load test of a Central Node.",
  version: "0.1.0",
  examples: [],
  terminal: createTerminal({ stdin, stdout, stderr, environment }),
});
program.verb(fleetVerb());
// It does one thing: its flags need no verb before them.
process.exitCode = await program.run(["run", ...process.argv.slice(2)]);
// An interrupted set-up may still wait for an answer; its processes end with this one.
process.exit();
