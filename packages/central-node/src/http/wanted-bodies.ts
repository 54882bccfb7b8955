import type { IncomingMessage, Server } from "node:http";
import type { FastifyInstance } from "fastify";

/**
 * A client that asks whether to send its body (`Expect: 100-continue`, as curl does with large ones) is told so only where the
 * body will be read. One that is refused first sees why: in the middle of 32 MiB it would find nothing but a broken connection.
 */
export function askForWantedBodies(app: FastifyInstance): void {
  const asking = new WeakSet<IncomingMessage>();
  const server = app.server as Server;
  server.on("checkContinue", (request, response) => {
    asking.add(request);
    server.emit("request", request, response);
  });
  app.addHook("preParsing", ({ raw, headers, routeOptions }, reply, _body, done) => {
    if (asking.has(raw) && !(Number(headers["content-length"]) > routeOptions.bodyLimit)) {
      asking.delete(raw);
      reply.raw.writeContinue();
    }
    done();
  });
  app.addHook("onSend", ({ raw }, reply, _payload, done) => {
    // What comes next on this connection might be the body, or another request.
    if (asking.has(raw)) reply.header("connection", "close");
    done();
  });
}
