import type { Readable, Writable } from "node:stream";
import colours from "picocolors";

type Colours = ReturnType<typeof colours.createColors>;
type OutputStream = Writable & { isTTY?: boolean; columns?: number };

/** The streams that a program talks through, and what they can do. */
export type Terminal = {
  stdin: Readable;
  stdout: OutputStream;
  stderr: OutputStream;
  stdoutColours: Colours;
  stderrColours: Colours;
};

export type Environment = Readonly<Record<string, string | undefined>>;

/** Honours NO_COLOR and TERM=dumb; a stream that is not a terminal gets no colours. */
export function createTerminal(needs: {
  stdin: Readable;
  stdout: OutputStream;
  stderr: OutputStream;
  environment: Environment;
}): Terminal {
  const { stdin, stdout, stderr, environment } = needs;
  const wanted = (environment.NO_COLOR ?? "") === "" && environment.TERM !== "dumb";
  // A reader that has seen enough (`… | head`) closes the pipe: not a failure of ours.
  stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });
  return {
    stdin,
    stdout,
    stderr,
    stdoutColours: colours.createColors(wanted && stdout.isTTY === true),
    stderrColours: colours.createColors(wanted && stderr.isTTY === true),
  };
}
