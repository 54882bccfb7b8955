import { existsSync } from "node:fs";
import { join } from "node:path";
import { Problem } from "@cordon/contract";
import fastifyStatic from "@fastify/static";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { sendProblem } from "./problem-json.ts";

/** Scripts only from here, nothing inline; styles may be inline, which no script can be made of. Nothing leaves this server. */
const pagePolicy =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const noScriptPolicy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";

/** Not the page's: what is not there under these is refused, not answered with the page. */
const notThePage = /^\/(api|kata|docs|health)(\/|$)/;

/** Serves the page as it was built in `folder`; every path that is no file is one of the page's own. */
export function consolePage({ folder }: { folder: string }) {
  return async (app: FastifyInstance): Promise<void> => {
    await app.register(fastifyStatic, { root: folder, serve: false, cacheControl: false });

    app.get("/*", (request, reply) => {
      const [path = "/"] = request.url.split("?");
      if (notThePage.test(path)) return notFound(request, reply);
      if (!existsSync(join(folder, "index.html"))) return sayNotBuilt(reply);
      const file = /\.[0-9A-Za-z]+$/.test(path) ? decodeURIComponent(path.slice(1)) : "index.html";
      // What Vite puts there has a digest of its content in its name.
      const isHashed = file.startsWith("assets/");
      reply.headers({
        "Cache-Control": isHashed ? "public, max-age=31536000, immutable" : "no-cache",
        "Content-Security-Policy": pagePolicy,
      });
      return reply.sendFile(file);
    });
    app.setNotFoundHandler(notFound);
  };
}

function notFound(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const problem = new Problem("NOT_FOUND", { message: `there is nothing at ${request.url.slice(0, 200)}` });
  return sendProblem(problem, reply);
}

function sayNotBuilt(reply: FastifyReply): FastifyReply {
  return reply
    .code(503)
    .headers({ "Cache-Control": "no-store", "Content-Security-Policy": noScriptPolicy })
    .type("text/html; charset=utf-8")
    .send(notBuilt);
}

const notBuilt = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Cordon: the console's page is not here</title>
<style>body{font:16px/1.5 system-ui;max-width:42em;margin:4em auto;padding:0 1em}code{background:#8883;padding:.1em .3em}</style>
<h1>The console's page was not built</h1>
<p>The Central Node runs, and its APIs answer. Only the page itself is missing in the folder that it looks in.</p>
<p>In a checkout, build it with <code>npx vite build packages/console</code> and load this page again. Where the page lies
elsewhere, start the Central Node with <code>--console-files FOLDER</code>.</p>
<p><a href="/docs/console-api/">Console API</a> · <a href="/docs/response-api/">Response API</a></p>
`;
