/** The verbs of cordon-server that talk to a running Central Node, as an administrator types them. */
import { PassThrough, Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { createTerminal } from "@cordon/terminal";

/**
 * Runs one with --json, and resolves with its answer; rejects with what it said when it failed. In this process: nearly every
 * test needs some, and a program of its own would take half a second of a processor to start.
 */
export async function runServerVerb<T>(words: string[]): Promise<T> {
  const { createServerProgram } = await import("@cordon/central-node/command-line");
  const [stdin, stdout, stderr] = [Readable.from([""]), new PassThrough(), new PassThrough()];
  const terminal = createTerminal({ stdin, stdout, stderr, environment: {} });
  const program = createServerProgram({ terminal, environment: {}, account: "tester", now: () => new Date() });
  const output = Promise.all([text(stdout), text(stderr)]);
  const exitCode = await program.run([...words, "--json"]);
  stdout.end();
  stderr.end();
  const [shown, complaint] = await output;
  if (exitCode !== 0) throw new Error(`${words.slice(0, 2).join(" ")} ended with ${exitCode}: ${complaint}${shown}`);
  // Its caller knows what the verb answers with.
  return JSON.parse(shown) as T;
}
