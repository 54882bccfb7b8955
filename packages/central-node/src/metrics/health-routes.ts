import type { FastifyInstance } from "fastify";
import type { Health } from "./health.ts";

/** Live: this process answers. Ready: it can take orders and keep them. */
export function healthRoutes(app: FastifyInstance, health: Health): void {
  app.get("/health/live", () => ({ status: "ok" }));
  app.get("/health/ready", async (_request, reply) => {
    const report = await health.check();
    return reply.code(report.ready ? 200 : 503).send(report);
  });
}
