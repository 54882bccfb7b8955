import type { Fault, Problem } from "@cordon/contract";
import type { FastifyReply } from "fastify";
import type { RuleConflict } from "../settings/prevention-conflict.ts";
import { describeFaultOf, fromConflict } from "./translate.ts";

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
