import type { X509Certificate } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Server } from "node:https";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { setImmediate } from "node:timers/promises";
import { closeCodes, linkPath, maxAgentFrameBytes } from "@cordon/contract";
import type { Logger } from "pino";
import { type WebSocket, WebSocketServer } from "ws";
import type { BlockService } from "../blocks/block-service.ts";
import type { HostService } from "../hosts/host-service.ts";
import type { Nudge, Nudges } from "../hosts/nudges.ts";
import { certificateOf, forgetPeer, peerOf } from "../http/peer.ts";
import type { SettingService } from "../settings/setting-service.ts";
import type { TaskService } from "../tasks/task-service.ts";
import { readAgentMessage } from "./agent-message.ts";
import { type AgentSession, createAgentSession } from "./agent-session.ts";
import { createOutgoing } from "./outgoing.ts";
import { createRateBudget } from "./rate-budget.ts";
import { createStrandedAgents } from "./stranded-agents.ts";
import { createTransferSlots } from "./transfer-slots.ts";

export type AgentLink = ReturnType<typeof createAgentLink>;

type Connection = {
  session: AgentSession;
  socket: WebSocket;
  outgoing: ReturnType<typeof createOutgoing>;
  /** Of the certificate that it shows. */
  fingerprint: string;
  lastHeardMs: number;
};

/** The next one has all that was in one that was dropped. */
const maxOutputsPerSec = 100;
const sweepEveryMs = 10_000;
/** How far back the sweep looks for orders of other Central Nodes, whose clocks may differ from ours by less than this. */
const sweepWindowMs = 300_000;
/** Each with at most one part of half a megabyte or so in memory. */
const maxLargeTransfers = 64;
const offersAtOnce = 100;
/** While the database is away from here and others serve: 20,000 agents are gone within minutes, and nobody is stormed. */
const lookForStrandedEveryMs = 2000;
const strandedLetGoAtOnce = 200;

/** Holds the connections of agents, one a host, and hands each what is due for it. */
export function createAgentLink({
  server,
  agentOf,
  nudges,
  hosts,
  settings,
  tasks,
  blocks,
  onSettled,
  renew,
  databaseAnswers,
  now,
  log,
  ...sessionNeeds
}: {
  server: Server;
  /** The sensor ID that a client certificate stands for, or null. */
  agentOf(peer: X509Certificate): Promise<string | null>;
  nudges: Pick<Nudges, "onNudge" | "onGap">;
  hosts: HostService;
  settings: SettingService;
  tasks: TaskService;
  blocks: BlockService;
  /** Issues a certificate for this host's request, PEM. */
  renew(sensorId: string, certificateRequest: string, inUse: X509Certificate): Promise<string>;
  /** Whether this Central Node can keep what agents say, and read what is ordered. */
  databaseAnswers(): Promise<boolean>;
  lineage: string;
  authorities(): string;
  heartbeatSec: number;
  /** The connection was welcomed, or refused: what it costs from now on is small. */
  onSettled(socket: Socket): void;
  now: () => Date;
  checkpoint: (name: string) => void;
  log: Logger;
}) {
  const connections = new Map<string, Connection>();
  const webSockets = new WebSocketServer({ noServer: true, maxPayload: maxAgentFrameBytes, perMessageDeflate: false });
  const slots = createTransferSlots(maxLargeTransfers);
  const outputBudget = createRateBudget({ perSec: maxOutputsPerSec, nowMs: () => performance.now() });
  const stranded = createStrandedAgents({
    *connections() {
      for (const { socket, fingerprint } of connections.values()) {
        if (socket.readyState !== socket.OPEN) continue;
        const letGo = () => socket.close(closeCodes.goingAway, "the database is away from here: another may serve");
        yield { key: fingerprint, letGo };
      }
    },
    canServe: databaseAnswers,
    letGoAtOnce: strandedLetGoAtOnce,
    nowMs: () => performance.now(),
    log,
  });
  let closing = false;

  async function onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer) {
    // A closure here would keep the request, and all that it holds, for as long as the connection lasts.
    socket.on("error", destroyThis);
    if (request.url?.split("?")[0] !== linkPath) return refuse(socket, 404, "Not Found");
    if (closing) return refuse(socket, 503, "Service Unavailable", "Retry-After: 5");
    try {
      const { certificate } = peerOf(request);
      if (certificate !== null) stranded.returned(certificate.fingerprint256);
      const sensorId = certificate === null ? null : await agentOf(certificate);
      if (certificate === null || sensorId === null) return refuse(socket, 403, "Forbidden");
      const { fingerprint256 } = certificate;
      forgetPeer(request);
      webSockets.handleUpgrade(request, socket, head, (webSocket) =>
        accept(sensorId, fingerprint256, webSocket, request.socket),
      );
    } catch (error) {
      log.error({ err: error }, "could not tell whose agent connects");
      refuse(socket, 503, "Service Unavailable", "Retry-After: 5");
    }
  }

  function accept(sensorId: string, fingerprint: string, socket: WebSocket, end: Socket) {
    const outgoing = createOutgoing(socket);
    const session = createAgentSession({
      ...sessionNeeds,
      sensorId,
      hosts,
      settings,
      tasks,
      blocks,
      log,
      send: outgoing.send,
      sendFrame: outgoing.sendFrame,
      slots,
      outputBudget,
      close,
      async renew(request) {
        // Read again, as it is seldom wanted: kept, it would cost each connection some kilobytes.
        const inUse = certificateOf(end);
        if (inUse === null) throw new Error("the connection has ended");
        return renew(sensorId, request, inUse);
      },
    });
    const connection: Connection = { session, socket, outgoing, fingerprint, lastHeardMs: performance.now() };
    let settled = false;
    connections.get(sensorId)?.socket.close(closeCodes.replaced, "the same host connected again");
    connections.set(sensorId, connection);

    function close(code: number, why: string) {
      session.end();
      socket.close(code, why);
    }

    function heard() {
      connection.lastHeardMs = performance.now();
      hosts.recordContact(sensorId);
    }

    /** The hello is dealt with. */
    function settle() {
      if (settled) return;
      settled = true;
      onSettled(end);
    }

    socket.on("ping", heard);
    socket.on("message", (data) => {
      heard();
      const read = readAgentMessage(data.toString());
      if ("message" in read) void session.receive(read.message).then(settle);
      else log.warn({ sensorId, fault: read.fault }, "dropped a message of an agent");
    });
    socket.on("error", (error) => log.info({ err: error, sensorId }, "an agent's connection broke"));
    socket.on("close", () => {
      session.end();
      if (connections.get(sensorId) === connection) connections.delete(sensorId);
    });
  }

  function deliver(nudge: Nudge) {
    if (nudge.target === "all") {
      offerToAll().catch((error) => log.warn({ err: error }, "could not look up what is due for all hosts"));
      return;
    }
    const connection = connections.get(nudge.target);
    if (connection === undefined) return;
    if (nudge.about === "removal") {
      connection.session.end();
      connection.socket.close(closeCodes.removed, "the host was removed");
    } else {
      connection.session.requestSync(nudge.about);
    }
  }

  /** What is ordered for all hosts is read once, and handed to each connection that lacks it. */
  async function offerToAll() {
    const orders = await settings.readOrdersOfAll();
    let offered = 0;
    for (const { session } of connections.values()) {
      session.offer(orders);
      offered += 1;
      // People and external systems wait for answers meanwhile.
      if (offered % offersAtOnce === 0) await setImmediate();
    }
  }

  function lookAtEverything() {
    for (const { session } of connections.values()) {
      session.requestSync("settings");
      session.requestSync("tasks");
    }
  }

  /** Finds what a lost nudge would have told. */
  async function sweep() {
    const targets = await settings.listTargetsSince(new Date(now().getTime() - sweepWindowMs));
    for (const target of targets) deliver({ target, about: "settings" });
    for (const target of await tasks.listHostsWithUndelivered()) deliver({ target, about: "tasks" });
  }

  function dropSilent() {
    const oldest = performance.now() - 2.5 * sessionNeeds.heartbeatSec * 1000;
    for (const { socket, outgoing, lastHeardMs } of connections.values()) {
      if (lastHeardMs < oldest) socket.terminate();
      else outgoing.cutWhenStuck();
    }
  }

  const timer = setInterval(() => {
    dropSilent();
    sweep().catch((error) => log.warn({ err: error }, "could not look for undelivered orders"));
  }, sweepEveryMs);
  timer.unref();
  const strandedTimer = setInterval(() => void stranded.look(), lookForStrandedEveryMs);
  strandedTimer.unref();
  nudges.onNudge(deliver);
  nudges.onGap(lookAtEverything);
  server.on("upgrade", onUpgrade);

  return {
    connected: (): number => connections.size,
    /** Tells the agents to come back later, and waits until what they said is dealt with. */
    async close(): Promise<void> {
      closing = true;
      clearInterval(timer);
      clearInterval(strandedTimer);
      const open = [...connections.values()];
      for (const { socket } of open) socket.close(closeCodes.goingAway, "the Central Node goes down");
      await Promise.all(open.map(({ session }) => session.finish()));
      for (const { socket } of open) socket.terminate();
    },
  };
}

function destroyThis(this: Duplex): void {
  this.destroy();
}

function refuse(socket: Duplex, status: number, title: string, header?: string) {
  socket.end(
    `HTTP/1.1 ${status} ${title}\r\nConnection: close\r\nContent-Length: 0\r\n${header === undefined ? "" : `${header}\r\n`}\r\n`,
  );
}
