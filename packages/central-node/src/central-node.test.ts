import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import { connect as connectTcp, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import { centralNodeTlsName, linkPath, responseApiBase } from "@cordon/contract";
import pino, { type Logger } from "pino";
import { createCentralNode } from "./central-node.ts";
import type { CentralNodeConfig } from "./config.ts";
import { exportPrivateKey, makeCertificate, makeCertificateRequest, makeEcKeys } from "./http/test-certificates.ts";
import { facts, silentLog } from "./test-services.ts";

const administrator = { kind: "local-administrator", id: "root", address: null, fingerprint: null } as const;

const anywhere = { host: "127.0.0.1", port: 0 };

async function start(t: TestContext, changes: Partial<CentralNodeConfig> = {}, log: Logger = silentLog) {
  const dataDir = await mkdtemp(join(tmpdir(), "cordon-node-"));
  t.after(() => rm(dataDir, { recursive: true, force: true }));
  const node = await createCentralNode({
    config: {
      dataDir,
      api: anywhere,
      console: anywhere,
      metrics: { ...anywhere, asked: true },
      reusePort: false,
      database: null,
      serverNames: [],
      serverCertificateFile: null,
      serverKeyFile: null,
      logLevel: "fatal",
      limits: {
        pendingExternalSystems: 100,
        pendingPerAddress: 10,
        pendingDays: 7,
        maxBodyBytes: 1024 * 1024,
        maxHashesPerScope: 1000,
        taskDeliveryDays: 7,
        agentHeartbeatSec: 30,
        agentsConnectingAtOnce: 100,
        agentsWaiting: 1000,
        sessionIdleHours: 8,
        sessionHours: 24,
      },
      consoleUrl: null,
      consoleFiles: dataDir,
      identityProvider: null,
      ...changes,
    },
    log,
    now: () => new Date(),
  });
  let closing: Promise<void> | null = null;
  const close = () => {
    closing ??= node.close();
    return closing;
  };
  t.after(close);
  return { ...node, close, dataDir, port: Number(new URL(node.api).port) };
}

/** One request on a connection of its own. */
async function get(url: string, client: { cert?: string; key?: string } = {}) {
  const asked = request(url, { ...client, rejectUnauthorized: false, agent: false });
  asked.end();
  const [answer] = await once(asked, "response");
  let text = "";
  for await (const chunk of answer) text += chunk;
  return { status: answer.statusCode as number, headers: answer.headers as Record<string, string>, text };
}

/** A client that never says more than `bytes`. Without `overTls` it does not even get to TLS. */
async function hang(port: number, { overTls, bytes }: { overTls: boolean; bytes: string }): Promise<Socket> {
  const socket = overTls
    ? connectTls({ host: "127.0.0.1", port, rejectUnauthorized: false })
    : connectTcp({ host: "127.0.0.1", port });
  // Being cut off is what these clients are for.
  socket.on("error", () => {});
  await once(socket, overTls ? "secureConnect" : "connect");
  if (bytes !== "") await new Promise<void>((resolve) => socket.write(bytes, () => resolve()));
  return socket;
}

/** The ticket of the session. */
async function handshakeEnd(socket: Socket): Promise<Buffer> {
  const [session] = await once(socket, "session");
  // What is written in the turn of that event is never sent.
  await setImmediate();
  return session;
}

const openApi = `${responseApiBase}/openapi.json`;
const hangers = [
  { overTls: false, bytes: "" },
  { overTls: false, bytes: "\x16\x03\x01\x02\x00\x01" },
  { overTls: true, bytes: "" },
  { overTls: true, bytes: "GET" },
  { overTls: true, bytes: `GET ${openApi} HTTP/1.1\r\nHost: x\r\nX-Slow: ` },
  {
    overTls: true,
    bytes: `POST ${responseApiBase}/soar/settings HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{`,
  },
];

test("a Central Node serves the Response API, the console's page, health and metrics, each on a port of its own", async (t) => {
  const { api, console, metrics } = await start(t);
  assert.equal(JSON.parse((await get(api + openApi)).text).openapi, "3.1.0");
  assert.equal((await get(`${console}/docs/response-api/`)).status, 200);
  assert.equal((await get(`${api}/docs/response-api/`)).status, 404);
  assert.equal((await get(`${console}/health/ready`)).status, 200);
  const scraped = await (await fetch(`${metrics}/metrics`)).text();
  assert.match(scraped, /^cordon_agents_connected 0$/m);
  assert.match(
    scraped,
    /^cordon_request_duration_seconds_count\{surface="response-api",method="GET",status="200"\} 1$/m,
  );
});

test("a stranger's knock is refused and waits for a decision, and once accepted its next request is answered", async (t) => {
  const { api, services } = await start(t);
  const { pem, key } = await makeCertificate();
  const sensors = `${api}${responseApiBase}/soar/sensors`;
  assert.equal((await get(sensors)).status, 401, "without a certificate");
  const refused = await get(sensors, { cert: pem, key });
  assert.deepEqual([refused.status, refused.text], [401, '{"error":"Unauthorized"}']);
  const [pending, ...more] = await services.externalSystems.list();
  assert.ok(pending !== undefined);
  assert.equal(more.length, 0);
  await services.externalSystems.accept({ externalSystemId: "SOAR" }, administrator);
  const accepted = await get(sensors, { cert: pem, key });
  assert.deepEqual([accepted.status, JSON.parse(accepted.text).sensors], [200, []]);
});

test("a resumed session bears its certificate, which is asked about anew: who was removed or withdrawn meanwhile is refused", async (t) => {
  const { services, port } = await start(t);
  const { token } = await services.enrolment.createJoinToken({ ttlSec: 3600, uses: 1 }, administrator);
  const keys = await makeEcKeys("P-256");
  const certificateRequest = await makeCertificateRequest(keys);
  const secret = token.split(".").at(-1) ?? "";
  const { sensorId, certificate } = await services.enrolment.enrol(
    { secret, certificateRequest, facts: facts() },
    null,
  );
  const link = `GET ${linkPath} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${"A".repeat(22)}==\r\n\r\n`;
  const agent = { cert: certificate, key: await exportPrivateKey(keys), servername: centralNodeTlsName };
  const soar = await makeCertificate();
  const sensors = `GET ${responseApiBase}/soar/sensors HTTP/1.1\r\nHost: x\r\n\r\n`;
  const system = { cert: soar.pem, key: soar.key };

  const ask = async (client: object, text: string, session?: Buffer) => {
    const socket = connectTls({ host: "127.0.0.1", port, rejectUnauthorized: false, session, ...client });
    // One that is resumed brings no new ticket.
    let ticket = session;
    socket.on("session", (next) => {
      ticket = next;
    });
    socket.write(text);
    const [answer] = await once(socket, "data");
    const resumed = socket.isSessionReused();
    socket.destroy();
    return { seen: [String(answer).slice(9, 12), resumed], session: ticket };
  };

  await ask(system, sensors);
  await services.externalSystems.accept({ externalSystemId: "soar" }, administrator);
  for (const [client, text, good, forget, bad] of [
    [agent, link, "101", () => services.hosts.remove(sensorId, administrator), "403"],
    [
      system,
      sensors,
      "200",
      () => services.externalSystems.withdraw({ externalSystemId: "soar" }, administrator),
      "401",
    ],
  ] as const) {
    const first = await ask(client, text);
    assert.deepEqual(first.seen, [good, false]);
    const second = await ask(client, text, first.session);
    assert.deepEqual(second.seen, [good, true]);
    await forget();
    assert.deepEqual((await ask(client, text, second.session)).seen, [bad, true]);
  }
});

test("garbage, half requests and clients that hang do not keep others from being served", async (t) => {
  const { api, port } = await start(t);
  for (let round = 0; round < 10; round++) for (const hanger of hangers) await hang(port, hanger);
  for (const bytes of ["\0".repeat(100), "GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01\xff\xff".repeat(100)]) {
    const socket = await hang(port, { overTls: false, bytes });
    socket.resume();
    await once(socket, "close");
  }
  for (const bytes of [
    "\0\0\0\0\r\n\r\n",
    "GET /%zz HTTP/9.9\r\n\r\n",
    "GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    "GET / HTTP/1.1\r\n\r\n",
    `GET /${"x".repeat(100_000)} HTTP/1.1\r\nHost: x\r\n\r\n`,
    `POST ${openApi} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n`,
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  ]) {
    const socket = await hang(port, { overTls: true, bytes: "" });
    // Until the handshake is all through: an answer is lost when the connection breaks off behind the server's last words of it.
    await handshakeEnd(socket);
    socket.write(bytes);
    const [answer] = (await once(socket, "data")) as [Buffer];
    assert.match(answer.toString(), /^HTTP\/1\.1 4\d\d /, bytes.slice(0, 40));
    socket.destroy();
  }
  assert.equal((await get(api + openApi)).status, 200);
});

test("a path that is no URL, and a parameter longer than any, are refused in JSON", async (t) => {
  const { api } = await start(t);
  for (const path of ["%", "%zz/sensors", `${"a".repeat(600)}/sensors`]) {
    const { status, text } = await get(`${api}${responseApiBase}/${path}`);
    assert.ok(status === 400 || status === 404, `${status}`);
    assert.equal(typeof JSON.parse(text).error, "string");
  }
});

test("clients that hang, at whatever step, do not keep a Central Node from closing", async (t) => {
  const { port, close } = await start(t);
  for (const hanger of hangers) await hang(port, hanger);
  const began = performance.now();
  await close();
  const ms = performance.now() - began;
  t.diagnostic(`closed in ${Math.round(ms)} ms`);
  // The program gives up, and ends with a failure, after 10 s.
  assert.ok(ms < 8000, `closing took ${Math.round(ms)} ms`);
});

test("a Central Node without an administrator logs a link that makes the first one; an open stream keeps no node from closing", async (t) => {
  const lines: string[] = [];
  const { console: url, close } = await start(t, {}, pino({}, { write: (line: string) => void lines.push(line) }));
  const { link } = JSON.parse(lines.find((line) => line.includes("/set-up#token=")) ?? "{}");
  assert.ok(link.startsWith(`${url}/set-up#token=`));
  const asked = request(`${url}/api/v1/set-up`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    rejectUnauthorized: false,
    agent: false,
  });
  asked.end(JSON.stringify({ token: link.split("token=")[1], name: "alice", password: "correct horse battery" }));
  const [made] = (await once(asked, "response")) as [IncomingMessage];
  made.resume();
  assert.equal(made.statusCode, 200);
  const cookie = (made.headers["set-cookie"] ?? []).map((line) => line.split(";")[0]).join("; ");
  const follow = request(`${url}/api/v1/events`, { headers: { cookie }, rejectUnauthorized: false, agent: false });
  follow.end();
  const [stream] = (await once(follow, "response")) as [IncomingMessage];
  assert.equal(stream.statusCode, 200);
  stream.resume();
  const ended = once(stream, "end");
  const closed = close();
  // Well-ended, not cut off.
  await ended;
  await closed;
});

test("a request under way when a Central Node closes is still answered", async (t) => {
  const { port, close } = await start(t);
  const body = '{"not":"an enrolment"}';
  const head = `POST /agent/v1/enrol HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
  const socket = await hang(port, { overTls: true, bytes: head + body.slice(0, 5) });
  const closed = close();
  socket.write(body.slice(5));
  const [answer] = (await once(socket, "data")) as [Buffer];
  assert.match(answer.toString(), /^HTTP\/1\.1 (400|503) /);
  socket.destroy();
  await closed;
});

test("a Central Node that cannot have its port leaves nothing behind that listens or keeps the database", async (t) => {
  const { port } = await start(t);
  await assert.rejects(start(t, { console: { host: "127.0.0.1", port } }), { code: "EADDRINUSE" });
});

test("a Central Node that starts again on its data has the same authority, so that its agents know it", async (t) => {
  const first = await start(t);
  const authorities = first.services.authority.authorities();
  await first.close();
  const again = await start(t, { dataDir: first.dataDir });
  assert.equal(again.services.authority.authorities(), authorities);
});

test("a TLS session is resumed after the certificates were looked at again, after a restart, and by another Central Node", async (t) => {
  const first = await start(t);
  const ask = async (port: number, session?: Buffer) => {
    const socket = connectTls({ host: "127.0.0.1", port, rejectUnauthorized: false, session });
    socket.write(`GET ${openApi} HTTP/1.1\r\nHost: x\r\n\r\n`);
    const ticket = session ?? (await handshakeEnd(socket));
    await once(socket, "data");
    const resumed = socket.isSessionReused();
    socket.destroy();
    return { resumed, ticket };
  };
  const { resumed, ticket } = await ask(first.port);
  assert.equal(resumed, false);
  await first.services.certificates.refresh();
  assert.equal((await ask(first.port, ticket)).resumed, true);
  await first.close();
  const again = await start(t, { dataDir: first.dataDir });
  assert.equal((await ask(again.port, ticket)).resumed, true);
  const stranger = await start(t);
  assert.equal((await ask(stranger.port, ticket)).resumed, false);
});
