import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { Server } from "node:https";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { after, type TestContext, test } from "node:test";
import type { TLSSocket } from "node:tls";
import { closeCodes } from "@cordon/contract";
import { createAgent } from "./agent.ts";
import { createCertificateRequest } from "./certificate-request.ts";
import { createHostClock } from "./host/clock.ts";
import { createMemoryJournal } from "./journal/journal.ts";
import { allowAll } from "./local-policy.ts";
import { silentLog } from "./log.ts";
import { startCentralNodeDouble } from "./testing/central-node-double.ts";
import { isolationOrder, lineageA, welcome } from "./testing/core-under-test.ts";
import { createKernelInMemory } from "./testing/kernel-in-memory.ts";
import { createManualClock } from "./testing/manual-clock.ts";
import { createOpensslAuthority } from "./testing/openssl-authority.ts";

const authority = createOpensslAuthority();
after(() => authority.remove());
const { key, certificateRequest } = createCertificateRequest();
const identity = { key, certificate: authority.signAgent(certificateRequest), authorities: authority.certificate };

/** A whole agent on real sockets; its waits are recorded and end at once. */
async function startAgentTo(
  t: TestContext,
  ports: number[],
  { random = () => 0.5, shortensMs = [] }: { random?: () => number; shortensMs?: number[] } = {},
) {
  const host = createHostClock();
  const waitsMs: number[] = [];
  const { kernel, startProcess } = createKernelInMemory(createManualClock());
  const agent = createAgent({
    sensorId: welcome().sensorId,
    journal: createMemoryJournal(),
    enforcers: startProcess(),
    identity: () => identity,
    addresses: {
      targets: async () => ports.map((port) => ({ address: "127.0.0.1", port })),
    },
    facts: () => ({ hostName: "h", ipAddresses: [], osFamily: "linux", osName: "x", agentVersion: "0.1.0" }),
    policy: allowAll,
    clock: {
      ...host,
      after(delayMs, run) {
        // Timers of a minute and more are not what these tests are about; a wait to reconnect is below.
        if (delayMs >= 10_000 && delayMs <= 60_000 && !shortensMs.includes(delayMs)) return host.after(delayMs, run);
        waitsMs.push(delayMs);
        return host.after(Math.min(delayMs, 20), run);
      },
    },
    log: silentLog,
    random,
  });
  t.after(() => agent.close());
  await agent.start();
  return { agent, kernel, waitsMs };
}

async function startDouble(t: TestContext, options: Partial<Parameters<typeof startCentralNodeDouble>[0]> = {}) {
  const double = await startCentralNodeDouble({ authority, ...options });
  t.after(double.stop);
  return double;
}

test("an agent says hello over mutual TLS, takes an order after the welcome, and reports it", async (t) => {
  const double = await startDouble(t);
  await startAgentTo(t, [double.port]);
  await double.until(() => double.messages.length === 1);
  const [hello] = double.messages;
  assert.ok(hello?.type === "hello");
  assert.deepEqual([hello.lineage, hello.settings], [null, []]);
  assert.deepEqual(hello.facts.capabilities, ["network-isolation", "prevention", "run-process"]);
  double.send(welcome());
  double.send(isolationOrder(1));
  await double.until(() => double.messages.length === 2);
  const report = double.messages[1];
  assert.ok(report?.type === "setting-report");
  assert.deepEqual([report.generation, report.state, report.lineage], [1, "in-effect", lineageA]);
});

test("after a cut it comes back by itself, and says again what was not acknowledged", async (t) => {
  const double = await startDouble(t);
  await startAgentTo(t, [double.port]);
  await double.until(() => double.messages.length === 1);
  double.send(welcome());
  double.send(isolationOrder(1));
  await double.until(() => double.messages.length === 2);
  double.connections[0]?.terminate();
  await double.until(() => double.messages.length === 3);
  const hello = double.messages[2];
  assert.ok(hello?.type === "hello");
  assert.deepEqual(hello.settings, [{ action: "network-isolation", scope: "host", generation: 1 }]);
  double.send(welcome());
  await double.until(() => double.messages.length === 4);
  assert.equal(double.messages[3]?.type, "setting-report");
});

test("after a cut it resumes its TLS session, and where it cannot, it shakes hands anew", async (t) => {
  const double = await startDouble(t);
  const resumed: boolean[] = [];
  double.server.on("secureConnection", (socket: TLSSocket) => resumed.push(socket.isSessionReused()));
  await startAgentTo(t, [double.port]);
  for (let connections = 1; connections <= 4; connections += 1) {
    await double.until(() => double.messages.length === connections);
    // As after a restart: the tickets that are out mean nothing any more.
    if (connections === 3) (double.server as Server).setTicketKeys(randomBytes(48));
    double.connections.at(-1)?.terminate();
  }
  assert.deepEqual(resumed.slice(0, 4), [false, true, true, false]);
});

test("a server that another CA signed, or that bears another name, gets no hello", async (t) => {
  const otherAuthority = createOpensslAuthority();
  t.after(() => otherAuthority.remove());
  const impostors = [
    await startDouble(t, { authority: otherAuthority }),
    await startDouble(t, { serverName: "host-7.example" }),
  ];
  const real = await startDouble(t);
  // In order: the real one is reached only after both were tried.
  await startAgentTo(
    t,
    [...impostors, real].map(({ port }) => port),
  );
  await real.until(() => real.messages.length === 1);
  assert.deepEqual(
    impostors.map((impostor) => [impostor.upgrades(), impostor.messages.length]),
    [
      [0, 0],
      [0, 0],
    ],
  );
});

test("waits grow by half each, with full jitter", async (t) => {
  const { waitsMs } = await startAgentTo(t, [1], { random: () => 1 });
  const expected = [500, 750, 1125, 1687.5, 2531.25];
  const reconnects = () => waitsMs.filter((ms) => expected.includes(ms));
  const enough = createHostClock();
  await new Promise<void>((resolve) => {
    const look = () => {
      if (reconnects().length >= expected.length) resolve();
      else enough.after(5, look);
    };
    look();
  });
  assert.deepEqual(reconnects(), expected);
});

test("an agent whose handshake is not answered waits in line, longest where it has nowhere else to go, and then comes again", async (t) => {
  const came: number[] = [];
  const lines = await Promise.all([0, 1].map((number) => startLine(t, () => came.push(number))));
  const cameAgain = new Promise<void>((resolve) => {
    for (const { server } of lines) server.on("connection", () => came.length === 4 && resolve());
  });
  const { waitsMs } = await startAgentTo(
    t,
    lines.map(({ port }) => port),
    { shortensMs: [20_000, 50_000] },
  );
  await cameAgain;
  assert.deepEqual(came, [0, 1, 0, 1]);
  const patience = waitsMs.filter((ms) => ms === 20_000 || ms === 50_000);
  assert.deepEqual(patience.slice(0, 3), [20_000, 50_000, 20_000]);
});

test("who waited in line in vain resumes its TLS session all the same when its turn comes", async (t) => {
  const line = await startLine(t, (socket) => socket.on("data", () => socket.destroy()));
  const double = await startDouble(t);
  const resumed: boolean[] = [];
  double.server.on("secureConnection", (socket: TLSSocket) => resumed.push(socket.isSessionReused()));
  // Each round begins at the line, and goes on to the double when it is sent away there.
  await startAgentTo(t, [line.port, double.port]);
  await double.until(() => double.messages.length === 1);
  double.connections.at(-1)?.terminate();
  await double.until(() => double.messages.length === 2);
  assert.deepEqual(resumed, [false, true]);
});

/** Accepts connections and says nothing. */
async function startLine(t: TestContext, onConnection: (socket: Socket) => void) {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket.on("error", () => {}));
    onConnection(socket);
  }).listen(0, "127.0.0.1");
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  await once(server, "listening");
  return { server, port: (server.address() as AddressInfo).port };
}

test("a Central Node that is full says when to come back, and is obeyed", async (t) => {
  let refusals = 1;
  const double = await startDouble(t, {
    refuseWith: () => (refusals-- > 0 ? "503 Service Unavailable\r\nRetry-After: 7" : null),
  });
  const { waitsMs } = await startAgentTo(t, [double.port]);
  await double.until(() => double.messages.length === 1);
  assert.ok(
    waitsMs.some((ms) => ms >= 7000 && ms <= 7500),
    `waited ${waitsMs}`,
  );
});

test("a host that was removed does not come back, and what is in force stays", async (t) => {
  const double = await startDouble(t);
  const { agent, kernel } = await startAgentTo(t, [double.port]);
  await double.until(() => double.messages.length === 1);
  double.send(welcome());
  double.send(isolationOrder(1));
  await double.until(() => double.messages.length === 2);
  double.connections[0]?.close(closeCodes.removed, "removed");
  const clock = createHostClock();
  await new Promise<void>((resolve) => {
    const look = () => (agent.status().link === "removed" ? resolve() : void clock.after(5, look));
    look();
  });
  assert.equal(double.upgrades(), 1);
  assert.notEqual(kernel.isolation, null);
});

test("a Central Node that answers no ping is taken for dead", async (t) => {
  const double = await startDouble(t);
  await startAgentTo(t, [double.port]);
  await double.until(() => double.messages.length === 1);
  // Reads nothing any more, as a machine that lost its power.
  double.send({ ...welcome(), heartbeatSec: 0.02 });
  double.connections[0]?.pause();
  await double.until(() => double.messages.filter(({ type }) => type === "hello").length === 2);
});

test("whether the Central Node answers is found out by a round trip that begins after the order stands", async (t) => {
  const double = await startDouble(t);
  const { kernel } = await startAgentTo(t, [double.port]);
  kernel.proofs = [];
  await double.until(() => double.messages.length === 1);
  double.send(welcome());
  double.send(isolationOrder(1));
  await double.until(() => double.messages.some(({ type }) => type === "setting-report"));
  assert.deepEqual(kernel.proofs, ["reached"]);
});

test("a link that is silent when it is asked is given up, and the next one answers", async (t) => {
  const double = await startDouble(t);
  const { kernel } = await startAgentTo(t, [double.port], { shortensMs: [10_000] });
  kernel.proofs = [];
  await double.until(() => double.messages.length === 1);
  double.send(welcome());
  double.send(isolationOrder(1));
  // The order is on its way; nothing that the agent says is read any more.
  double.connections[0]?.pause();
  await double.until(() => double.messages.filter(({ type }) => type === "hello").length === 2);
  assert.deepEqual(kernel.proofs, []);
  double.send(welcome());
  await double.until(() => double.messages.some(({ type }) => type === "setting-report"));
  assert.deepEqual(kernel.proofs, ["reached"]);
});
