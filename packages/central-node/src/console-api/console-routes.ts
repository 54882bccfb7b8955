import { responseApiBase, responseApiOpenApi } from "@cordon/contract";
import fastifySwagger from "@fastify/swagger";
import fastifySwaggerUi from "@fastify/swagger-ui";
import type { FastifyInstance } from "fastify";
import type { Health } from "../metrics/health.ts";
import { healthRoutes } from "../metrics/health-routes.ts";

const pagePath = "/docs/response-api";

/** The console's port, until there is a console: health, and the Response API's document as a page. */
export function consoleRoutes({ health, version }: { health: Health; version: string }) {
  return async (app: FastifyInstance): Promise<void> => {
    app.addHook("onSend", async (_request, reply) => {
      reply.headers({
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Strict-Transport-Security": "max-age=31536000",
      });
    });
    // Of this app, so that its answer carries the headers above as well.
    app.setNotFoundHandler((_request, reply) => reply.code(404).send({ error: "Not Found" }));
    healthRoutes(app, health);
    app.get("/", (_request, reply) => reply.redirect(`${pagePath}/`));

    await app.register(fastifySwagger, {
      mode: "static",
      specification: { document: responseApiOpenApi(version) as never },
    });
    await app.register(fastifySwaggerUi, {
      routePrefix: pagePath,
      // Nothing of the page comes from elsewhere, and nothing on it can be framed.
      staticCSP: `default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
      // BaseLayout: without the bar that offers other documents.
      uiConfig: {
        layout: "BaseLayout",
        docExpansion: "list",
        deepLinking: true,
        supportedSubmitMethods: [],
        validatorUrl: null,
      },
      theme: { title: "Cordon Response API" },
    });
    // The page describes the machine port's API; the document itself is served there and here.
    app.get(`${responseApiBase}/openapi.json`, () => responseApiOpenApi(version));
  };
}
