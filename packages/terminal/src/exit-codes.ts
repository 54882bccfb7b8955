import type { ProblemCode } from "@cordon/contract";

/** What a program's exit status says. Permanent: scripts depend on the numbers. */
export const exitCodes = {
  done: 0,
  failed: 1,
  usage: 2,
  unreachable: 3,
  notAuthorised: 4,
  notFound: 5,
  timedOut: 6,
} as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

const meanings: Record<ExitCode, string> = {
  0: "done",
  1: "failed: it was refused, or the host reported failure",
  2: "wrong usage: nothing was done",
  3: "cannot reach the Central Node, or the program asked is not running",
  4: "not authorised, or not yet",
  5: "not found",
  6: "timed out while waiting; the order stands",
};

/** The table that every program's help ends with. */
export const exitCodeTable = Object.entries(meanings)
  .map(([code, meaning]) => `  ${code}  ${meaning}`)
  .join("\n");

/** Failures that arise on this side, beside the problems that a Central Node answers with. */
export type FailureCode =
  | "FAILED"
  | "REFUSED"
  | "USAGE"
  | "UNREACHABLE"
  | "UNTRUSTED_SERVER"
  | "TIMED_OUT"
  | ProblemCode;

const exitCodeOfFailure: Record<FailureCode, ExitCode> = {
  FAILED: exitCodes.failed,
  REFUSED: exitCodes.failed,
  USAGE: exitCodes.usage,
  UNREACHABLE: exitCodes.unreachable,
  // Another server answers there: the Central Node itself was not reached.
  UNTRUSTED_SERVER: exitCodes.unreachable,
  TIMED_OUT: exitCodes.timedOut,
  BAD_REQUEST: exitCodes.usage,
  RULE_CONFLICT: exitCodes.failed,
  UNAUTHORIZED: exitCodes.notAuthorised,
  SECOND_FACTOR_NEEDED: exitCodes.notAuthorised,
  FORBIDDEN: exitCodes.notAuthorised,
  PASSWORD_CHANGE_NEEDED: exitCodes.notAuthorised,
  NOT_FOUND: exitCodes.notFound,
  CONFLICT: exitCodes.failed,
  PRECONDITION_FAILED: exitCodes.failed,
  BODY_TOO_LARGE: exitCodes.failed,
  UNSUPPORTED_MEDIA_TYPE: exitCodes.failed,
  PRECONDITION_REQUIRED: exitCodes.failed,
  TOO_MANY_REQUESTS: exitCodes.failed,
  TOO_MANY_PENDING: exitCodes.failed,
  INTERNAL: exitCodes.failed,
  UNAVAILABLE: exitCodes.unreachable,
};

export function exitCodeOf(code: FailureCode): ExitCode {
  return exitCodeOfFailure[code];
}
