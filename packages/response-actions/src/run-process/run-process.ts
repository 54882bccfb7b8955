import { type Static, Type } from "typebox";
import type { TaskAction } from "../kit/response-action.ts";

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are just what must not be there
const controlCharacter = /[\u0000-\u001f\u007f]/;

const Words = (minLength: number, maxLength: number) => Type.String({ minLength, maxLength });

export const RunProcessParameters = Type.Object({
  /** The program: an absolute path, or a name looked up on the agent's PATH. */
  program: Words(1, 4096),
  /** Its arguments as one line; the agent splits it as a POSIX shell splits words, without any expansion. Null: none. */
  commandLine: Type.Union([Words(0, 8192), Type.Null()]),
  workingDirectory: Type.Union([Words(0, 4096), Type.Null()]),
});
export type RunProcessParameters = Static<typeof RunProcessParameters>;

export const runProcess = {
  kind: "task",
  name: "run-process",
  summary: "Runs a program on a host and keeps its exit code and output",
  parameters: RunProcessParameters,
  findFault(parameters: RunProcessParameters) {
    for (const member of ["program", "commandLine", "workingDirectory"] as const) {
      const value = parameters[member];
      if (value !== null && controlCharacter.test(value)) {
        return { path: [member], rule: "must not hold NUL or another control character", value };
      }
    }
    return null;
  },
  failures: {
    PROGRAM_NOT_FOUND: "there is no such program on the host",
    NOT_PERMITTED: "the program may not be run: it is not executable, or access is denied",
    WORKING_DIRECTORY: "the working directory does not exist, or is not a directory that may be entered",
    ARGUMENTS: "the command line cannot be split into words: a quote is not closed",
    START_FAILED: "the system could not start the program",
  },
} as const satisfies TaskAction;
export type RunProcessFailure = keyof typeof runProcess.failures;
