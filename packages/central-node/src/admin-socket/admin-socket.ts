import { chmodSync, rmSync } from "node:fs";
import { Problem } from "@cordon/contract";
import Fastify, { type FastifyInstance, LogController } from "fastify";
import type { Logger } from "pino";
import { adminSocketPath } from "./admin-socket-path.ts";

/** An app for the administrators' routes: problems become `{code, title, message, …}`. */
export function createAdminApp(log: Logger): FastifyInstance {
  const app = Fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: 1024 * 1024,
  });
  app.setNotFoundHandler(() => {
    throw new Problem("NOT_FOUND", { message: "this node does not know that: are program and node of one version?" });
  });
  app.setErrorHandler((error, request, reply) => {
    const problem = problemOf(error);
    if (problem.code === "INTERNAL") request.log.error({ err: error }, "an administrator's request failed");
    reply.code(problem.status).type("application/problem+json");
    return reply.send({ ...problem.details, code: problem.code, title: problem.title, message: problem.message });
  });
  // Its type remembers the logger's; routes are written for any.
  return app as unknown as FastifyInstance;
}

/** Only for who has claimed the data directory: a socket that is there was left by a node that was killed. */
export async function listenOnAdminSocket(app: FastifyInstance, dataDir: string): Promise<void> {
  const path = adminSocketPath(dataDir);
  rmSync(path, { force: true });
  await app.listen({ path });
  // The directory is 0700, so nobody else could connect in between either.
  chmodSync(path, 0o600);
}

function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const { statusCode, message } = error as { statusCode?: number; message?: string };
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return new Problem("BAD_REQUEST", { message: message ?? "the request is not well-formed" });
  }
  return new Problem("INTERNAL", { message: "the node failed in a way that it did not expect; its log says more" });
}
