import { createInterface } from "node:readline/promises";
import type { Readable } from "node:stream";
import { Writable } from "node:stream";
import { failure, type Terminal } from "@cordon/terminal";

type TerminalInput = Readable & { isTTY?: boolean };

/** The first line of stdin, without its end. */
export async function readPasswordFromStdin(stdin: Readable): Promise<string> {
  for await (const line of createInterface({ input: stdin })) return line;
  throw failure("USAGE", "no password came on stdin");
}

/** Asks twice on a terminal, without showing what is typed. */
export async function askForPassword({ stdin, stderr }: Terminal): Promise<string> {
  const input: TerminalInput = stdin;
  if (input.isTTY !== true) {
    throw failure("USAGE", "a password is asked for on a terminal, and stdin is none", {
      advice: "Give it on stdin with --password-stdin.",
    });
  }
  // Readline echoes what is typed to its output: an output that takes everything and shows nothing hides it.
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input, output: nowhere, terminal: true });
  const interrupted = new Promise<never>((_resolve, reject) => {
    lines.once("SIGINT", () => reject(failure("FAILED", "interrupted: nothing was done")));
  });
  const ask = async (prompt: string): Promise<string> => {
    stderr.write(prompt);
    const answer = await Promise.race([lines.question(""), interrupted]);
    stderr.write("\n");
    return answer;
  };
  try {
    const password = await ask("Password: ");
    if ((await ask("Again: ")) !== password) throw failure("USAGE", "the two passwords differ: nothing was done");
    return password;
  } finally {
    lines.close();
  }
}
