import type { Problem } from "@cordon/contract";
import type { FastifyReply } from "fastify";

/** RFC 9457. `detail` is the sentence to show, `code` is what a program goes by, `requestId` is what the log has. */
export function sendProblem(problem: Problem, reply: FastifyReply): FastifyReply {
  const { message, ...members } = problem.details;
  if (problem.status === 401) reply.header("WWW-Authenticate", 'Bearer realm="cordon"');
  if (typeof members.retryAfterSec === "number") reply.header("Retry-After", Math.ceil(members.retryAfterSec));
  return reply
    .code(problem.status)
    .header("Cache-Control", "no-store")
    .type("application/problem+json; charset=utf-8")
    .send({
      ...members,
      type: "about:blank",
      title: problem.title,
      status: problem.status,
      detail: message ?? problem.title,
      code: problem.code,
      requestId: reply.request.id,
    });
}
