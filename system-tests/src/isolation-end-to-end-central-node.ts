/**
 * cordon-server with a clock that a test can set: while the file named first holds a time (ISO 8601), it is that time and
 * stands still. The API's shortest isolation lasts an hour, and a test must see the end of one.
 */
import { existsSync, readFileSync } from "node:fs";
import { createServerProgram } from "../../packages/central-node/src/command-line/program.ts";
import { createTerminal } from "../../packages/terminal/src/index.ts";

const [clockFile = "", ...words] = process.argv.slice(2);
const { stdin, stdout, stderr, env: environment } = process;
const program = createServerProgram({
  terminal: createTerminal({ stdin, stdout, stderr, environment }),
  environment,
  account: "a test",
  now: () => new Date(existsSync(clockFile) ? readFileSync(clockFile, "utf8") : Date.now()),
});
process.exitCode = await program.run(words);
