import { createServer, type Server } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { AgentMessage, CentralNodeMessage } from "@cordon/contract";
import { linkPath } from "@cordon/contract";
import { type WebSocket, WebSocketServer } from "ws";
import type { OpensslAuthority } from "./openssl-authority.ts";

export type CentralNodeDouble = Awaited<ReturnType<typeof startCentralNodeDouble>>;

/** The other end of the wire in the agent's own tests: real TLS, real WebSockets, and whatever behaviour a test needs. */
export async function startCentralNodeDouble({
  authority,
  serverName,
  port = 0,
  refuseWith,
}: {
  authority: OpensslAuthority;
  serverName?: string;
  port?: number;
  /** Head of an HTTP answer instead of the upgrade, while it returns one. */
  refuseWith?: () => string | null;
}) {
  const { key, cert } = authority.server(serverName);
  const server: Server = createServer({
    key,
    cert: cert + authority.certificate,
    ca: authority.certificate,
    requestCert: true,
    rejectUnauthorized: false,
  });
  const webSockets = new WebSocketServer({ noServer: true });
  const connections: WebSocket[] = [];
  const messages: AgentMessage[] = [];
  const waiting: { check: () => boolean; resolve: () => void }[] = [];
  /** All that were accepted, those in the middle of a handshake too, which nobody else would end. */
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  let upgrades = 0;
  const changed = () => {
    for (const waiter of [...waiting]) if (waiter.check()) waiter.resolve();
  };

  server.on("upgrade", (request, socket, head) => {
    upgrades += 1;
    socket.on("error", () => {});
    const refusal = refuseWith?.() ?? null;
    // Node's https server hands out TLS sockets.
    const authorized = (request.socket as unknown as { authorized: boolean }).authorized;
    if (refusal !== null || !authorized || request.url !== linkPath) {
      socket.end(`HTTP/1.1 ${refusal ?? "403 Forbidden"}\r\nConnection: close\r\n\r\n`);
      changed();
      return;
    }
    webSockets.handleUpgrade(request, socket, head, (ws) => {
      connections.push(ws);
      ws.on("message", (data) => {
        messages.push(JSON.parse(String(data)) as AgentMessage);
        changed();
      });
      ws.on("error", () => {});
      ws.on("close", changed);
      changed();
    });
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const { port: boundPort } = server.address() as AddressInfo;

  return {
    server,
    port: boundPort,
    connections,
    messages,
    upgrades: () => upgrades,
    send(message: CentralNodeMessage | object) {
      connections.at(-1)?.send(JSON.stringify(message));
    },
    /** Resolves once `check` holds; looked at after each message, connection and end of one. */
    until(check: () => boolean): Promise<void> {
      return new Promise((resolve) => {
        waiting.push({ check, resolve });
        if (check()) resolve();
      });
    },
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      // Nothing more is accepted from here on.
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
