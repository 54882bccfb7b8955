import { type Fault, Problem } from "@cordon/contract";
import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import type { RuleConflict } from "../settings/prevention-conflict.ts";
import { describeFaultOf, fromConflict } from "./translate.ts";

/** Whatever was thrown, as a Problem; a bug becomes INTERNAL and is logged with the request's ID. */
export function toProblem(error: unknown, request: FastifyRequest): Problem {
  if (error instanceof Problem) return error;
  const { statusCode, message } = error as FastifyError;
  if (statusCode === 413) {
    return new Problem("BODY_TOO_LARGE", {
      message: "the body is larger than this Central Node takes: send less at once",
    });
  }
  if (statusCode === 415)
    return new Problem("UNSUPPORTED_MEDIA_TYPE", { message: "the body must be application/json" });
  if (statusCode === 503) return new Problem("UNAVAILABLE", { message });
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) return new Problem("BAD_REQUEST", { message });
  request.log.error({ err: error }, "a request failed");
  if (isDatabaseAway(error)) {
    return new Problem("UNAVAILABLE", {
      message: "the database does not answer; nothing is known to have changed: retry later",
    });
  }
  return new Problem("INTERNAL", {
    message: `a fault of the Central Node; its log has it under request ${request.id}`,
  });
}

/** The Response API's own error body; 401, 404 and 409 are exactly their title. */
export function sendProblem(problem: Problem, reply: FastifyReply): FastifyReply {
  return reply.code(problem.status).type("application/json; charset=utf-8").send(bodyOf(problem));
}

function bodyOf(problem: Problem) {
  const { message, fault } = problem.details;
  switch (problem.code) {
    case "NOT_FOUND":
    case "UNAUTHORIZED":
    case "CONFLICT":
      return { error: problem.title };
    case "RULE_CONFLICT":
      return fromConflict(problem.details as RuleConflict, problem.title);
    default:
      // A fault is kept in the action's words until here, where it is said in KATA's.
      return {
        error: problem.title,
        message: fault === undefined ? message : describeFaultOf(bodyMember(fault as Fault), fault as Fault),
      };
  }
}

function bodyMember(fault: Fault): "settings" | "task" {
  return ["program", "commandLine", "workingDirectory"].includes(String(fault.path[0])) ? "task" : "settings";
}

/** PostgreSQL: the connection is gone or refused (class 08, 57P0x), or the pool's wait ran out. */
function isDatabaseAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = "code" in error ? String(error.code) : "";
  return (
    /^(08...|57P0.|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EPIPE|ENOENT|55P03|57014|25P03)$/.test(code) ||
    /timeout|terminated|not queryable/i.test(error.message)
  );
}
