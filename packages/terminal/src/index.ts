/** What the three programs' command lines share: streams, output, errors, exit codes, help and completion. */
export { formatDuration } from "./duration.ts";
export { type ExitCode, exitCodes, type FailureCode } from "./exit-codes.ts";
export { type Failure, failure, isFailure } from "./failure.ts";
export { type Cell, keyValues, table } from "./layout.ts";
export type { Output } from "./output.ts";
export { printable, printableJson, printableLines } from "./printable.ts";
export { createProgram, type Noun, type Program, type Verb } from "./program.ts";
export type { Progress } from "./progress.ts";
export { createTerminal, type Environment, type Terminal } from "./terminal.ts";
