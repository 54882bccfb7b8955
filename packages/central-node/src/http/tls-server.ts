import type { Server, Socket } from "node:net";
import type { SecureContext } from "node:tls";
import Fastify, { type FastifyInstance, type FastifyReply, LogController } from "fastify";
import type { Logger } from "pino";
import { askForWantedBodies } from "./wanted-bodies.ts";

/** How long a client may take to send a request, and how long an idle connection is kept. */
const requestTimeoutMs = 60_000;
const keepAliveTimeoutMs = 72_000;
const handshakeTimeoutMs = 20_000;
/**
 * How long a client may resume its session, which takes half of the CPU of a whole handshake: the longest that TLS 1.3 allows,
 * as agents keep their connections for weeks. Whose certificate a resumed session bears is known, and asked about anew like
 * that of any other.
 */
const sessionSec = 7 * 24 * 3600;
/** How long closing waits for requests under way. */
const closeGraceMs = 4000;

/** A Fastify app on TLS 1.2 and 1.3. */
export function createTlsApp({
  certificates,
  tickets = () => ({}),
  askForClientCertificate,
  maxBodyBytes,
  log,
}: {
  certificates: {
    /** PEM: what a client without a TLS name sees. */
    defaultCertificate(): { cert: string; key: string };
    secureContextFor(serverName: string): SecureContext;
    onChange(listener: () => void): void;
  };
  /**
   * Asked again with each change of the certificates. With the same from another server, sessions of that one are resumed here;
   * absent, tickets are good for this server alone.
   */
  tickets?: () => { ticketKeys?: Buffer; sessionIdContext?: string };
  /** Asks every client for a certificate and verifies none: self-signed ones are matched by fingerprint, agents' by our CA. */
  askForClientCertificate: boolean;
  maxBodyBytes: number;
  log: Logger;
}): FastifyInstance {
  const secureContext = () => ({
    ...certificates.defaultCertificate(),
    ...tickets(),
    minVersion: "TLSv1.2" as const,
    sessionTimeout: sessionSec,
  });
  const app = Fastify({
    https: {
      ...secureContext(),
      // No `ca`: its names would go out in the request for a certificate, and clients with a self-signed one would send none.
      requestCert: askForClientCertificate,
      rejectUnauthorized: false,
      handshakeTimeout: handshakeTimeoutMs,
      SNICallback: (serverName, done) => done(null, certificates.secureContextFor(serverName)),
    },
    bodyLimit: maxBodyBytes,
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: keepAliveTimeoutMs,
    routerOptions: { maxParamLength: 512 },
    // Ours below says more in less.
    logController: new LogController({ disableRequestLogging: true }),
    requestIdHeader: false,
    loggerInstance: log,
    // Closing must not wait for clients that keep a connection open without using it.
    forceCloseConnections: "idle",
    frameworkErrors: (_error, _request, reply) => {
      (reply as FastifyReply).code(400).send({ error: "Bad Request", message: "the path is not a well-formed URL" });
    },
  });
  app.addHook("onResponse", (request, reply, done) => {
    const { method, url } = request;
    const ms = Math.round(reply.elapsedTime * 10) / 10;
    request.log.info({ method, url: url.slice(0, 500), status: reply.statusCode, ms, address: request.ip }, "answered");
    done();
  });
  cutOffWhenClosing(app.server, (hook) => app.addHook("preClose", hook));
  // Its type remembers the HTTPS server; routes are written for any.
  const anyApp = app as unknown as FastifyInstance;
  askForWantedBodies(anyApp);
  certificates.onChange(() => app.server.setSecureContext(secureContext()));
  return anyApp;
}

/**
 * Clients that are in the middle of something may end it, but not take their time: one that never sends the rest of a
 * handshake or of a request would keep the server from closing for minutes, and is in none of Node's own lists of connections.
 */
function cutOffWhenClosing(server: Server, beforeClose: (hook: () => Promise<void>) => void): void {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  beforeClose(async () => {
    const timer = setTimeout(() => {
      for (const socket of sockets) socket.destroy();
    }, closeGraceMs);
    server.on("close", () => clearTimeout(timer));
  });
}
