/** `npm run chaos`: everything is killed, paused and cut at random, and every accepted order must come true all the same. */
import { createProgram, createTerminal } from "@cordon/terminal";
import { chaosVerb } from "./chaos-verb.ts";

const { stdin, stdout, stderr, env: environment } = process;
const program = createProgram({
  name: "chaos",
  description: "A run of faults at random, and its verdict.",
  version: "0.1.0",
  examples: [],
  terminal: createTerminal({ stdin, stdout, stderr, environment }),
});
program.verb(chaosVerb());
// It does one thing: its flags need no verb before them.
process.exitCode = await program.run(["run", ...process.argv.slice(2)]);
// An interrupted run still waits for answers; what it started has ended by now, or ends with this process.
process.exit();
