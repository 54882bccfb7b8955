/**
 * cordon-server on a clock that runs faster: `--clock <as JSON> start …`. An isolation lasts an hour at least, and the run
 * is to see it end. What it times itself, such as heartbeats and sweeps, is as ever.
 */
import { createTerminal } from "@cordon/terminal";
import { createServerProgram } from "../../../packages/central-node/src/command-line/program.ts";
import { fastMs, parseFastClock } from "./chaos-clock.ts";

const [, , , clock = "", ...words] = process.argv;
const { stdin, stdout, stderr, env: environment } = process;
const terminal = createTerminal({ stdin, stdout, stderr, environment });
const fast = parseFastClock(clock);
const program = createServerProgram({
  terminal,
  environment,
  account: "chaos",
  now: () => new Date(fastMs(Date.now(), fast.wallMs, fast)),
});
process.exitCode = await program.run(words);
