/**
 * What P3 does in processes of their own: real agents whose enforcement only remembers, and the floor's server and clients. All
 * times are of the one clock of the machine (CLOCK_MONOTONIC), in milliseconds.
 */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { createSecureContext, type SecureContext } from "node:tls";
import { parseJoinToken } from "@cordon/contract";
import WebSocket, { WebSocketServer } from "ws";
import { createAgent, createHostClock, createMemoryJournal, enrol } from "../../packages/endpoint-agent/src/index.ts";
import { allowAll } from "../../packages/endpoint-agent/src/local-policy.ts";
import { silentLog } from "../../packages/endpoint-agent/src/log.ts";
import { createKernelInMemory } from "../../packages/endpoint-agent/src/testing/kernel-in-memory.ts";
import { until } from "../../system-tests/src/namespaces.ts";
import { serveCalls } from "../../system-tests/src/network-isolation-program.ts";

/** Enrolments, and the floor's handshakes, under way at once. */
const atOnce = 16;
const withinMs = 120_000;
const nowMs = () => Number(process.hrtime.bigint()) / 1e6;
const clock = createHostClock();
const agents: ReturnType<typeof createAgent>[] = [];
/** Of each generation of the rule for all hosts: when each host's report that it is in effect was acknowledged. */
const acknowledged = new Map<number, number[]>();
const floorSockets: WebSocket[] = [];

const calls = {
  async startAgents({ hosts, server, token }: { hosts: number; server: string; token: string }): Promise<string[]> {
    const sensorIds: string[] = [];
    await eachOf(hosts, async () => {
      const agent = await enrolAgent(server, token);
      await agent.start();
      agents.push(agent);
      sensorIds.push(agent.status().sensorId);
    });
    const allConnected = () => agents.every((agent) => agent.status().link === "connected");
    await until(`${hosts} agents are connected`, allConnected, withinMs);
    return sensorIds;
  },

  /** When the last of them had it acknowledged. */
  async lastAcknowledged({ generation }: { generation: number }): Promise<number> {
    const times = () => acknowledged.get(generation) ?? [];
    await until(`all reports of generation ${generation}`, () => times().length === agents.length, withinMs);
    return times().reduce((last, at) => Math.max(last, at), 0);
  },

  async stopAgents() {
    await Promise.all(agents.map((agent) => agent.close()));
  },

  /** `pem`: key and certificate in one file. Resolves with the port. */
  async serveFloor({ pem }: { pem: string }): Promise<number> {
    const identity = readFileSync(pem);
    const server = createServer({ key: identity, cert: identity, requestCert: true, rejectUnauthorized: false });
    new WebSocketServer({ server }).on("connection", (socket) => floorSockets.push(socket));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  },

  async connectFloor({ clients, port, pem }: { clients: number; port: number; pem: string }) {
    const identity = readFileSync(pem);
    // One for all of them. The types of ws do not know the option, which goes through to tls.connect.
    const secureContext = createSecureContext({ key: identity, cert: identity });
    const options: WebSocket.ClientOptions & { secureContext: SecureContext } = {
      secureContext,
      rejectUnauthorized: false,
      perMessageDeflate: false,
    };
    await eachOf(clients, async () => {
      const socket = new WebSocket(`wss://127.0.0.1:${port}`, options);
      socket.on("message", () => socket.send("ack"));
      await once(socket, "open");
      floorSockets.push(socket);
    });
  },

  /** Milliseconds from the first byte's leaving to the last client's acknowledgement. */
  async broadcast({ text }: { text: string }): Promise<number> {
    const startedMs = nowMs();
    await Promise.all(
      floorSockets.map((socket) => {
        const answer = once(socket, "message");
        socket.send(text);
        return answer;
      }),
    );
    return nowMs() - startedMs;
  },
};

export type P3Calls = typeof calls;

async function enrolAgent(server: string, token: string) {
  const facts = () => ({
    hostName: "simulated",
    ipAddresses: [],
    osFamily: "linux" as const,
    osName: "simulated",
    agentVersion: "0.1.0",
  });
  const identity = await enrol({
    server,
    token: parseJoinToken(token),
    facts: () => ({ ...facts(), capabilities: [] }),
  });
  const [address = "", port = ""] = server.split(":");
  return createAgent({
    sensorId: identity.sensorId,
    journal: createWatchedJournal(),
    enforcers: createKernelInMemory(clock).startProcess(),
    identity: () => identity,
    addresses: {
      targets: async () => [{ address, port: Number(port) }],
    },
    facts,
    policy: allowAll,
    clock,
    log: silentLog,
  });
}

function createWatchedJournal() {
  const journal = createMemoryJournal();
  const { put, acknowledge } = journal.spool;
  const generations = new Map<string, number>();
  journal.spool.put = (report) => {
    if (report.type === "setting-report" && report.scope === "all" && report.state === "in-effect") {
      generations.set(report.reportId, report.generation);
    }
    put(report);
  };
  journal.spool.acknowledge = (reportId) => {
    const wasThere = acknowledge(reportId);
    const generation = generations.get(reportId);
    if (wasThere && generation !== undefined) {
      const times = acknowledged.get(generation) ?? [];
      times.push(nowMs());
      acknowledged.set(generation, times);
    }
    generations.delete(reportId);
    return wasThere;
  };
  return journal;
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
