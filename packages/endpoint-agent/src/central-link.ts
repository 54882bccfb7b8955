import type { ConnectionOptions } from "node:tls";
import {
  type AgentMessage,
  centralNodeTlsName,
  closeCodes,
  linkPath,
  maxCentralNodeFrameBytes,
} from "@cordon/contract";
import type { CentralNodeEndpoint } from "@cordon/response-actions/enforcers";
import WebSocket from "ws";
import { startHeartbeat } from "./heartbeat.ts";
import type { Clock } from "./host/clock.ts";
import { createLinkContexts, type LinkIdentity } from "./link-contexts.ts";
import { createLinkProofs } from "./link-proofs.ts";
import type { Logger } from "./log.ts";
import type { Session } from "./outbox.ts";
import { reconnectDelayMs } from "./reconnect-delay.ts";

export type CentralLink = ReturnType<typeof createCentralLink>;

/** `removed`: the Central Node sent this host away for good. */
export type LinkState = "connecting" | "connected" | "waiting" | "removed" | "closed";

/** For people: where the link leads, since when it stands or is missing, and why it is missing. */
export type LinkContact = {
  /** `HOST:PORT` of the newest attempt; null before the first. */
  target: string | null;
  /** ISO 8601: connected since then, or not connected since then. */
  since: string;
  /** Why the newest attempt failed, or the newest link ended; null while it is connected, and before the first attempt ended. */
  why: string | null;
};

/** Until the Central Node's machine answers at all. */
const connectTimeoutMs = 10_000;
/** From there to the open WebSocket, where another address is still to be tried. */
const openTimeoutMs = 20_000;
/**
 * The same at the last address of a round. Many that come at once wait in line before their handshakes, and who leaves the
 * line begins at its end again: with nowhere else to go it is better to stay.
 */
const lastOpenTimeoutMs = 50_000;
/** From the open connection to the welcome. */
const welcomeTimeoutMs = 30_000;
/** A link that stood this long was a good one: the next fault starts from the shortest wait again. */
const goodAfterMs = 30_000;
/** Another agent with this identity took over: two that fight for one place must not do so every second. */
const replacedWaitMs = 60_000;
/** The certificate is not accepted: the host was removed while it was away, or the database is another one for a while. */
const refusedWaitMs = 60_000;
/** Above this much unsent, no further report is handed over. */
const maxUnsentBytes = 4 * 1024 * 1024;

/**
 * The one connection to a Central Node: mutual TLS, a WebSocket, a heartbeat, and coming back when it is lost. Tries all
 * addresses of a round before it waits.
 */
export function createCentralLink({
  targets,
  identity,
  clock,
  log,
  onOpen,
  onMessage,
  onDrain,
  onClose,
  random = Math.random,
}: {
  targets(): Promise<CentralNodeEndpoint[]>;
  identity(): LinkIdentity;
  clock: Clock;
  log: Logger;
  onOpen(session: Session, localAddress: string | null): void;
  onMessage(message: unknown): void;
  onDrain(): void;
  onClose(code: number): void;
  random?: () => number;
}) {
  let state: LinkState = "closed";
  let socket: WebSocket | null = null;
  let failures = 0;
  let callOff: (() => void) | null = null;
  let welcomedAtMs: number | null = null;
  let stopHeartbeat: (() => void) | null = null;
  let connectedTo: CentralNodeEndpoint | null = null;
  const proofs = createLinkProofs({ clock, connection: () => (state === "connected" ? socket : null) });
  const linkContextOf = createLinkContexts();
  const timeNow = () => new Date(clock.wallMs()).toISOString();
  let contact: LinkContact = { target: null, since: timeNow(), why: null };

  const link = {
    start() {
      if (state === "closed") void tryRound();
    },
    state: () => state,
    contact: (): LinkContact => contact,
    /** The first message was a welcome: the link is good. */
    welcomed(heartbeatSec: number) {
      state = "connected";
      welcomedAtMs = clock.bootMs();
      contact = { ...contact, since: timeNow(), why: null };
      // Not nought at once: a Central Node that fails right after each welcome would be stormed.
      failures = Math.min(failures, 4);
      stopHeartbeat?.();
      stopHeartbeat = socket === null ? null : startHeartbeat({ socket, everyMs: heartbeatSec * 1000, clock, log });
      proofs.connected();
    },
    /** Where the connection that stands leads to, by number: names may lead elsewhere by now. */
    connectedTo: () => (state === "connected" ? connectedTo : null),
    proveReachable: (withinMs: number) => proofs.prove(withinMs),
    /** The socket itself, for simulated fleets: they cut it, or read from it slowly. */
    socket: () => socket,
    /** Leaves and comes back at once, with the identity as it is then. */
    reconnect() {
      socket?.close(1000, "coming back with another certificate");
    },
    /** Resolves when the connection is gone. */
    async close() {
      const open = socket;
      state = "closed";
      callOff?.();
      if (open === null) return;
      const gone = new Promise((resolve) => open.once("close", resolve));
      open.close(closeCodes.goingAway, "the agent stops");
      const stopWaiting = clock.after(2000, () => open.terminate());
      await gone;
      stopWaiting();
    },
  };

  async function tryRound() {
    state = "connecting";
    let retryAfterMs = 0;
    const candidates = await targets();
    if (candidates.length === 0) log.warn({}, "no address of a Central Node is known");
    for (const [index, target] of candidates.entries()) {
      // `close` may have come while this waited; the compiler knows only what was assigned in this function.
      if ((state as LinkState) === "closed") return;
      const isLast = index === candidates.length - 1;
      const end = await connectOnce(target, isLast ? lastOpenTimeoutMs : openTimeoutMs);
      if (end.kind === "removed") {
        state = "removed";
        contact = { ...contact, why: "the Central Node removed this host" };
        log.error({}, "the Central Node removed this host: not coming back; what is in force stays in force");
        return;
      }
      if (end.kind === "ended") {
        // It was a session: the next round starts over with the first address.
        retryAfterMs = end.waitMs;
        break;
      }
      contact = { ...contact, why: end.why };
      log.warn({ ...target, why: end.why }, "no connection to the Central Node");
      retryAfterMs = Math.max(retryAfterMs, end.retryAfterMs);
    }
    if ((state as LinkState) === "closed") return;
    const delayMs = reconnectDelayMs({ failures, retryAfterMs, random });
    failures += 1;
    state = "waiting";
    callOff = clock.after(delayMs, () => void tryRound());
  }

  type End =
    | { kind: "removed" }
    | { kind: "ended"; waitMs: number }
    | { kind: "unreachable"; why: string; retryAfterMs: number };

  function connectOnce({ address, port }: CentralNodeEndpoint, openWithinMs: number): Promise<End> {
    return new Promise((resolve) => {
      let why = "";
      let retryAfterMs = 0;
      let opened = false;
      let localAddress: string | null = null;
      let ws: WebSocket;
      contact = { ...contact, target: address.includes(":") ? `[${address}]:${port}` : `${address}:${port}` };
      try {
        const context = linkContextOf(identity());
        const options = {
          // Whatever the address, the certificate must bear this one name.
          servername: centralNodeTlsName,
          secureContext: context.secureContext,
          maxPayload: maxCentralNodeFrameBytes,
          perMessageDeflate: false,
          followRedirects: false,
          // Its types know only the function of node:net, of which no more is used than this.
          createConnection: ((to: ConnectionOptions) => {
            const connection = context.connect({ ...to, path: undefined });
            connection.once("connect", () => waitAtMost(openWithinMs));
            return connection;
          }) as unknown as WebSocket.ClientOptions["createConnection"],
        };
        ws = new WebSocket(`wss://${address.includes(":") ? `[${address}]` : address}:${port}${linkPath}`, options);
      } catch (error) {
        resolve({ kind: "unreachable", why: String(error), retryAfterMs: 0 });
        return;
      }
      socket = ws;
      connectedTo = { address, port };
      let stopWaiting = () => {};
      waitAtMost(connectTimeoutMs);

      /** For the next step towards the welcome. */
      function waitAtMost(ms: number) {
        stopWaiting();
        stopWaiting = clock.after(ms, () => {
          if (state === "connected" && ws === socket) return;
          why ||= `no answer within ${ms / 1000} s`;
          ws.terminate();
        });
      }

      ws.on("unexpected-response", (request, response) => {
        why = `the Central Node answered ${response.statusCode}`;
        retryAfterMs = Number(response.headers["retry-after"] ?? 0) * 1000 || 0;
        if (response.statusCode === 401 || response.statusCode === 403) {
          why += ": it does not accept this host's certificate (was the host removed?)";
          retryAfterMs = Math.max(retryAfterMs, refusedWaitMs);
        }
        request.destroy();
        // With a listener here ws leaves the rest to us, its own end included.
        ws.terminate();
      });
      ws.on("error", (error) => {
        why ||= error.message;
      });
      ws.on("upgrade", ({ socket: raw }) => {
        localAddress = raw.localAddress ?? null;
      });
      ws.on("open", () => {
        opened = true;
        waitAtMost(welcomeTimeoutMs);
        onOpen(toSession(ws), localAddress);
      });
      ws.on("message", (data, isBinary) => receive(data as Buffer, isBinary));
      ws.on("close", (code, reason) => {
        stopWaiting();
        stopHeartbeat?.();
        stopHeartbeat = null;
        socket = null;
        const stood = welcomedAtMs === null ? null : clock.bootMs() - welcomedAtMs;
        welcomedAtMs = null;
        if (state === "connected") state = "connecting";
        if (stood !== null) {
          contact = { ...contact, since: timeNow(), why: why || `the link was closed with ${code} ${reason}`.trim() };
        }
        if (opened) onClose(code);
        if (code === closeCodes.removed) return resolve({ kind: "removed" });
        if (stood === null && code !== closeCodes.replaced) {
          return resolve({ kind: "unreachable", why: why || `closed with ${code} ${reason}`, retryAfterMs });
        }
        if (stood !== null && stood >= goodAfterMs) failures = 0;
        log.warn({ code, reason: String(reason), why }, "the link to the Central Node ended");
        resolve({ kind: "ended", waitMs: code === closeCodes.replaced ? replacedWaitMs : 0 });
      });
    });
  }

  function receive(data: Buffer, isBinary: boolean) {
    let message: unknown;
    try {
      message = isBinary ? undefined : JSON.parse(data.toString("utf8"));
    } catch {
      // Not JSON: the core drops and counts it like any other message that fits no schema.
      message = undefined;
    }
    onMessage(message);
  }

  function toSession(ws: WebSocket): Session {
    return {
      send(message: AgentMessage) {
        if (ws.readyState !== WebSocket.OPEN) return true;
        ws.send(JSON.stringify(message), () => {
          if (ws.bufferedAmount <= maxUnsentBytes && ws === socket) onDrain();
        });
        return ws.bufferedAmount <= maxUnsentBytes;
      },
      close: (code, why) => ws.close(code, why),
    };
  }

  return link;
}
