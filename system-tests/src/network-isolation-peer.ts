/** Speaks TCP and UDP in the network namespace that it is started in. Every listener sends back what it hears. */
import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { once } from "node:events";
import { connect, createServer, isIPv6, type Socket } from "node:net";
import { serveCalls } from "./called-program.ts";

type Connection = { socket: Socket; heard: string };
const connections: Connection[] = [];
/** Connections that came in, by the port they came to: their numbers. */
const accepted = new Map<number, number[]>();
/** Datagrams that came in, by the port they came to. */
const datagrams = new Map<number, number>();
let stream: { socket: UdpSocket; sent: number; refused: number; stopped: boolean } | null = null;

function keep(socket: Socket, echo: boolean): number {
  const connection: Connection = { socket, heard: "" };
  socket.setNoDelay(true);
  socket.on("data", (data) => {
    connection.heard += data;
    if (echo) socket.write(data);
  });
  // A reset is an outcome like any other here: what counts is what was heard.
  socket.on("error", () => {});
  return connections.push(connection) - 1;
}

function connectionOf(id: number): Connection {
  const connection = connections[id];
  if (connection === undefined) throw new Error(`no connection ${id}`);
  return connection;
}

const calls = {
  async listenTcp({ port }: { port: number }) {
    accepted.set(port, []);
    const server = createServer((socket) => accepted.get(port)?.push(keep(socket, true)));
    server.listen(port, "::");
    await once(server, "listening");
  },

  async listenUdp({ port }: { port: number }) {
    datagrams.set(port, 0);
    for (const type of ["udp4", "udp6"] as const) {
      const socket = createSocket({ type, ipv6Only: type === "udp6" });
      socket.on("message", (data, from) => {
        datagrams.set(port, (datagrams.get(port) ?? 0) + 1);
        socket.send(data, from.port, from.address, () => {});
      });
      socket.bind(port);
      await once(socket, "listening");
    }
  },

  accepted: ({ port }: { port: number }) => accepted.get(port) ?? [],
  datagrams: ({ port }: { port: number }) => datagrams.get(port) ?? 0,

  /** The connection's number, or null when nobody answered in `waitMs` or it was refused. */
  async connect(to: { address: string; port: number; waitMs: number; localAddress?: string; localPort?: number }) {
    const { address: host, waitMs, ...rest } = to;
    const socket = connect({ host, ...rest });
    const id = keep(socket, false);
    const outcome = await Promise.race([
      once(socket, "connect").then(
        () => "connected",
        () => "refused",
      ),
      new Promise((resolve) => setTimeout(resolve, waitMs, "silence")),
    ]);
    if (outcome === "connected") return id;
    socket.destroy();
    return null;
  },

  say({ connection, text }: { connection: number; text: string }) {
    connectionOf(connection).socket.write(text);
  },
  heard: ({ connection }: { connection: number }) => connectionOf(connection).heard,

  /** Sends one datagram. The answer, or null when none came in `waitMs`. */
  async askUdp(to: { address: string; port: number; localPort?: number; text: string; waitMs: number }) {
    const socket = createSocket(isIPv6(to.address) ? "udp6" : "udp4");
    try {
      socket.bind(to.localPort ?? 0);
      await once(socket, "listening");
      const answer = once(socket, "message").then(([data]) => String(data));
      // Dropped in the output hook, a datagram is refused with EPERM: no answer will come then, and the wait ends it.
      socket.send(to.text, to.port, to.address, () => {});
      return await Promise.race([answer, new Promise<null>((resolve) => setTimeout(resolve, to.waitMs, null))]);
    } finally {
      socket.close();
    }
  },

  /** Sends datagrams without a pause until told to stop. */
  startStream({ address, port }: { address: string; port: number }) {
    const socket = createSocket(isIPv6(address) ? "udp6" : "udp4");
    const running = { socket, sent: 0, refused: 0, stopped: false };
    stream = running;
    const next = () => {
      if (running.stopped) {
        socket.close();
        return;
      }
      socket.send("stream", port, address, (error) => {
        if (error === null) running.sent += 1;
        else running.refused += 1;
        setImmediate(next);
      });
    };
    next();
  },
  streamed: (_: null) => ({ sent: stream?.sent ?? 0, refused: stream?.refused ?? 0 }),
  stopStream(_: null) {
    if (stream !== null) stream.stopped = true;
  },
};
export type PeerCalls = typeof calls;

serveCalls(calls);
