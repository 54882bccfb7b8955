import { Problem } from "@cordon/contract";
import type { FastifyError, FastifyRequest } from "fastify";

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

/** PostgreSQL: the connection is gone or refused (class 08, 57P0x), or the pool's wait ran out. */
export function isDatabaseAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = "code" in error ? String(error.code) : "";
  return (
    /^(08...|57P0.|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EPIPE|ENOENT|55P03|57014|25P03)$/.test(code) ||
    /timeout|terminated|not queryable/i.test(error.message)
  );
}
