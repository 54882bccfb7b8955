import type { Server, Socket } from "node:net";
import { readClientHello } from "./client-hello.ts";
import { createLane, type LaneLimits } from "./lane.ts";

export type Admission = ReturnType<typeof createAdmission>;

type Address = { remoteAddress?: string | undefined; remotePort?: number | undefined };

/** From the connection to the whole ClientHello: a peer that has nothing to say holds a descriptor and no more. */
const defaultHelloWithinMs = 10_000;
/** More would be someone who says a byte at a time, and makes us read it all again with each. */
const maxHelloParts = 64;
/** Of those who have not said their ClientHello, the oldest goes when there are more. */
const maxSilent = 10_000;
const sweepEveryMs = 500;
/** A client has nothing to say behind its ClientHello until it is answered. */
const maxBytesBeforeAnswer = 64 * 1024;

/** Of CPU time. Who waits for an answer waits for some turns of the event loop. */
const turnMs = 20;
const perTurn = 4;
/**
 * Longer than agents wait for their handshake: who leaves the line is seen to leave, and who is sent away would only begin at
 * its end again. This is for those whose machine is gone without a word.
 */
const maxWaitMs = 60_000;
const maxUnderWayMs = 1000;
/** Everybody outside the queued lane: they are few, and each of their calls matters. */
const othersLimits = { atOnce: 64, maxWaiting: 2000 };

/**
 * Stands before the TLS handshakes of a server, each of which costs a millisecond of CPU that nobody else gets. Those who ask
 * for `queuedName` wait in a lane of their own; all others pass them, so that a fleet that comes back at once keeps no
 * external system from its answers. The TLS name proves nothing: who lies about it gets in as he would have without.
 */
export function createAdmission({
  server,
  queuedName,
  queued,
  helloWithinMs = defaultHelloWithinMs,
}: {
  /** Of TLS. Whoever listens to its connections by now hears of each when its turn has come. */
  server: Server;
  queuedName: string;
  queued: Pick<LaneLimits, "atOnce" | "maxWaiting">;
  helloWithinMs?: number;
}) {
  const common = { perTurn, maxWaitMs, maxUnderWayMs };
  let acceptedNow = false;
  /** libuv accepts one connection a turn: with handshakes in each, all would stand in the kernel's one line and not in ours. */
  const holdBack = () => {
    const accepted = acceptedNow;
    acceptedNow = false;
    return accepted;
  };
  const lanes = {
    queued: createLane({ ...queued, turnMs, holdBack, ...common }),
    others: createLane({ ...othersLimits, turnMs: null, ...common }),
  };
  /** Since when, in the order in which they came. */
  const silent = new Map<Socket, number>();
  const held = new Set<Socket>();
  /** Of those who wait or shake hands, by the address of their end: the TLS server makes another socket of each. */
  const places = new Map<string, () => void>();
  let closing = false;

  const onTurn = server.listeners("connection") as ((socket: Socket) => void)[];
  server.removeAllListeners("connection");
  server.on("connection", (socket: Socket) => {
    acceptedNow = true;
    socket.on("error", ignore);
    if (closing) socket.destroy();
    else hold(socket);
  });
  server.on("secureConnection", (socket: Address & { servername?: string | false }) => {
    // The others cost more than the handshake until they are idle; who knows when that is says so.
    if (socket.servername !== queuedName) arrived(socket);
  });

  function hold(socket: Socket): void {
    const name = nameOf(socket);
    const parts: Buffer[] = [];
    let length = 0;
    held.add(socket);
    silent.set(socket, performance.now());
    if (silent.size > maxSilent) silent.keys().next().value?.destroy();
    // It is read also while it waits: else nobody would see that it went away.
    socket.on("data", take);
    socket.on("end", end);
    socket.on("close", close);

    function take(bytes: Buffer): void {
      parts.push(bytes);
      length += bytes.length;
      if (length > maxBytesBeforeAnswer) socket.destroy();
      if (!silent.has(socket)) return;
      const hello = readClientHello(parts.length === 1 ? bytes : Buffer.concat(parts));
      if (hello.kind === "wanting" && parts.length < maxHelloParts) return;
      silent.delete(socket);
      const isQueued = hello.kind === "hello" && hello.serverName === queuedName;
      const leave = lanes[isQueued ? "queued" : "others"].queue(enter, end);
      if (leave === null) {
        end();
        return;
      }
      places.set(name, () => {
        leave();
        socket.off("close", close);
      });
    }

    function enter(): void {
      socket.off("data", take);
      socket.off("end", end);
      held.delete(socket);
      socket.pause();
      socket.unshift(Buffer.concat(parts.splice(0)));
      for (const listener of onTurn) listener.call(server, socket);
    }

    function end(): void {
      socket.destroy();
    }

    function close(): void {
      silent.delete(socket);
      held.delete(socket);
      leave(name);
    }
  }

  function leave(name: string): void {
    const place = places.get(name);
    places.delete(name);
    place?.();
  }

  function arrived(socket: Address): void {
    leave(nameOf(socket));
  }

  const timer = setInterval(() => {
    const before = performance.now() - helloWithinMs;
    for (const [socket, sinceMs] of silent) {
      if (sinceMs > before) break;
      socket.destroy();
    }
    for (const lane of Object.values(lanes)) lane.sweep();
  }, sweepEveryMs);
  timer.unref();

  return {
    /** One of the queued lane that is in, and costs no more than others do: the next may come. */
    arrived,
    waiting: (): number => lanes.queued.waiting(),
    /** Of the queued lane, sent away since the start: too many waited, or it took too long. */
    shed: (): number => lanes.queued.shed(),
    /** Drops all who have not begun a handshake, and whoever comes from now on. */
    close(): void {
      closing = true;
      clearInterval(timer);
      for (const socket of held) socket.destroy();
    },
  };
}

function nameOf({ remoteAddress, remotePort }: Address): string {
  return `${remoteAddress} ${remotePort}`;
}

function ignore(): void {}
