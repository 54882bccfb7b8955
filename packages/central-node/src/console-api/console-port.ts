import { responseApiBase, responseApiOpenApi } from "@cordon/contract";
import { consoleApiBase, consoleApiOpenApi } from "@cordon/contract/console-api";
import fastifySwagger from "@fastify/swagger";
import fastifySwaggerUi from "@fastify/swagger-ui";
import type { FastifyInstance } from "fastify";
import type { Health } from "../metrics/health.ts";
import { healthRoutes } from "../metrics/health-routes.ts";

type Part = (app: FastifyInstance) => Promise<void>;

/** All that answers on the console's port: health, the APIs' documents as pages, the API itself, and the page. */
export function consolePort(needs: { health: Health; version: string; parts: Part[] }) {
  const { health, version, parts } = needs;

  return async (app: FastifyInstance): Promise<void> => {
    app.addHook("onSend", async (_request, reply) => {
      // Pages say what they need; nothing else is ever to be shown as one.
      if (!reply.hasHeader("Content-Security-Policy")) {
        reply.header("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
      }
      reply.headers({
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Strict-Transport-Security": "max-age=31536000",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
      });
    });
    healthRoutes(app, health);
    await app.register(documentPage("/docs/response-api", "Cordon Response API", responseApiOpenApi(version)));
    await app.register(documentPage("/docs/console-api", "Cordon console API", consoleApiOpenApi(version)));
    // The first page describes the machine port's API; the document itself is served there and here.
    app.get(`${responseApiBase}/openapi.json`, () => responseApiOpenApi(version));
    const document = consoleApiOpenApi(version);
    app.get(`${consoleApiBase}/openapi.json`, () => document);
    for (const part of parts) await app.register(part);
  };
}

/** Each on an app of its own: Swagger's plugin holds one document. */
function documentPage(routePrefix: string, title: string, document: object): Part {
  return async (app) => {
    await app.register(fastifySwagger, { mode: "static", specification: { document: document as never } });
    await app.register(fastifySwaggerUi, {
      routePrefix,
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
      theme: { title },
    });
  };
}
