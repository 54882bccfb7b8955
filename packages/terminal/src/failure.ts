import { Problem } from "@cordon/contract";
import { type ExitCode, exitCodeOf, exitCodes, type FailureCode } from "./exit-codes.ts";
import { printable, printableJson, printableLines } from "./printable.ts";
import type { Terminal } from "./terminal.ts";

export type Failure = Error & { failureCode: FailureCode; advice: string | undefined };

/** `message`: what happened. `advice`: what to do now; may have several lines. */
export function failure(
  failureCode: FailureCode,
  message: string,
  { advice, cause }: { advice?: string; cause?: unknown } = {},
): Failure {
  return Object.assign(new Error(message, { cause }), { failureCode, advice });
}

export function isFailure(error: unknown): error is Failure {
  return error instanceof Error && "failureCode" in error;
}

/**
 * The one place that turns an error into words on stderr and an exit code.
 * With `json` it writes `{"error": code, "message": …, "advice"?: …}`; a stack trace only with `verbose`.
 */
export function reportError(
  error: unknown,
  {
    terminal,
    programName,
    json,
    verbose,
  }: { terminal: Terminal; programName: string; json: boolean; verbose: boolean },
): ExitCode {
  const { code, message, advice } = describe(error);
  const { stderr, stderrColours } = terminal;
  if (json) {
    stderr.write(`${printableJson({ error: code, message, ...(advice === undefined ? {} : { advice }) })}\n`);
  } else {
    stderr.write(`${stderrColours.red(`${programName}:`)} ${printable(message)}\n`);
    if (advice !== undefined) stderr.write(`${printableLines(advice).replace(/^/gm, "  ")}\n`);
  }
  if (verbose) stderr.write(`${printableLines(traceOf(error))}\n`);
  return code === "FAULT" ? exitCodes.failed : exitCodeOf(code);
}

function describe(error: unknown): { code: FailureCode | "FAULT"; message: string; advice: string | undefined } {
  if (isFailure(error)) return { code: error.failureCode, message: error.message, advice: error.advice };
  if (error instanceof Problem) return { code: error.code, message: error.message, advice: undefined };
  if (isSystemError(error)) return { code: "FAILED", message: error.message, advice: undefined };
  const message = error instanceof Error ? error.message : String(error);
  return {
    code: "FAULT",
    message: `unexpected fault: ${message}`,
    advice: "This is a bug. Run it again with --verbose and report what it prints.",
  };
}

/** Errors of the operating system (a file that is missing, no rights) say in their message what happened and where. */
function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && "syscall" in error && typeof error.syscall === "string";
}

function traceOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const trace = error.stack ?? error.message;
  return error.cause === undefined ? trace : `${trace}\ncaused by: ${traceOf(error.cause)}`;
}
