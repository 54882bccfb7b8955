/**
 * The floors of P2, P3 and P6 in processes of their own: a bare server behind mutual TLS, and clients of it. Times are in
 * milliseconds.
 */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { constants, setPriority } from "node:os";
import { connect, createSecureContext, createServer as createTlsServer, type SecureContext } from "node:tls";
import WebSocket, { WebSocketServer } from "ws";
import { serveCalls } from "../../system-tests/src/called-program.ts";
import { monotonicMs } from "./fleet/fleet-messages.ts";

/** Handshakes under way at once. */
const atOnce = 64;
const serverSockets: WebSocket[] = [];

// `pem`: key and certificate in one file.
const calls = {
  /** Resolves with the port. */
  async serve({ pem }: { pem: string }): Promise<number> {
    const identity = readFileSync(pem);
    const server = createServer({ key: identity, cert: identity, requestCert: true, rejectUnauthorized: false });
    new WebSocketServer({ server, perMessageDeflate: false }).on("connection", (socket) => serverSockets.push(socket));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  },

  /** `cpuMs`: of this process since its start. */
  cost() {
    const { user, system } = process.cpuUsage();
    return { residentBytes: process.memoryUsage.rss(), cpuMs: (user + system) / 1000 };
  },

  /** Clients that stay, and answer each message. */
  async connect({ clients, port, pem }: { clients: number; port: number; pem: string }) {
    comeAfterServers();
    // One context for all of them. The types of ws do not know the option, which goes through to tls.connect.
    const options: WebSocket.ClientOptions & { secureContext: SecureContext } = {
      secureContext: contextOf(pem),
      rejectUnauthorized: false,
      perMessageDeflate: false,
    };
    await eachOf(clients, async () => {
      const socket = new WebSocket(`wss://127.0.0.1:${port}`, options);
      socket.on("message", () => socket.send("ack"));
      await once(socket, "open");
    });
  },

  /** How long it took from the first byte's leaving to the last client's acknowledgement. */
  async broadcast({ text }: { text: string }): Promise<number> {
    const startedMs = monotonicMs();
    await Promise.all(
      serverSockets.map((socket) => {
        const answer = once(socket, "message");
        socket.send(text);
        return answer;
      }),
    );
    return monotonicMs() - startedMs;
  },

  /** A server that says one byte to whoever has shaken hands. Resolves with the port. */
  async serveHandshakes({ pem }: { pem: string }): Promise<number> {
    const identity = readFileSync(pem);
    const options = { key: identity, cert: identity, requestCert: true, rejectUnauthorized: false };
    const server = createTlsServer(options, (socket) => {
      socket.on("error", () => {});
      socket.end("!");
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  },

  /** How long that many whole handshakes took. */
  async shakeHands({ clients, port, pem }: { clients: number; port: number; pem: string }): Promise<number> {
    comeAfterServers();
    const secureContext = contextOf(pem);
    const startedMs = monotonicMs();
    await eachOf(clients, async () => {
      const socket = connect({ host: "127.0.0.1", port, secureContext, rejectUnauthorized: false });
      await once(socket, "data");
      socket.destroy();
    });
    return monotonicMs() - startedMs;
  },
};

export type FloorCalls = typeof calls;

/** As the simulated agents do. */
function comeAfterServers() {
  setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
}

function contextOf(pem: string): SecureContext {
  const identity = readFileSync(pem);
  return createSecureContext({ key: identity, cert: identity });
}

/** Runs `work` so many times, some at once. */
async function eachOf(count: number, work: () => Promise<void>) {
  let left = count;
  const lane = async () => {
    while (left > 0) {
      left -= 1;
      await work();
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
}

serveCalls(calls);
