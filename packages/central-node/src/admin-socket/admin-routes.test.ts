import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import pino from "pino";
import { createAuditLog } from "../audit/audit-log.ts";
import { createBlockService } from "../blocks/block-service.ts";
import { createChanges } from "../changes/changes.ts";
import { openDatabase } from "../database/database.ts";
import { createCertificateAuthority } from "../enrolment/certificate-authority.ts";
import { createEnrolmentService } from "../enrolment/enrolment-service.ts";
import { createServerCertificates } from "../enrolment/server-certificates.ts";
import { createExternalSystemService } from "../external-systems/external-system-service.ts";
import { createHostService } from "../hosts/host-service.ts";
import { createNudges } from "../hosts/nudges.ts";
import { dayMs, makeCertificate } from "../http/test-certificates.ts";
import { createHealth } from "../metrics/health.ts";
import { createMetrics } from "../metrics/metrics.ts";
import { createUserService } from "../users/user-service.ts";
import { accountHeader, adminRoutes } from "./admin-routes.ts";
import { createAdminApp, listenOnAdminSocket } from "./admin-socket.ts";
import { adminSocketPath } from "./admin-socket-path.ts";
import { createBackup } from "./backup.ts";
import { diagnoseNode } from "./doctor.ts";

async function start(t: TestContext) {
  const dataDir = mkdtempSync(join(tmpdir(), "cordon-test-"));
  const clock = { now: new Date() };
  const now = () => clock.now;
  const log = pino({ level: "silent" });
  const database = await openDatabase(join(dataDir, "cordon.db"));
  const audit = createAuditLog({ database, now });
  const changes = createChanges();
  const nudges = createNudges({ postgresUrl: null, log });
  const hosts = createHostService({ database, audit, now, nudges, changes });
  const authority = await createCertificateAuthority({ database, now });
  const enrolment = createEnrolmentService({ database, audit, authority, hosts, changes, now, log });
  const limits = { pendingExternalSystems: 100, pendingPerAddress: 10, pendingDays: 7 };
  const externalSystems = createExternalSystemService({ database, audit, limits, changes, now, log });
  const certificates = await createServerCertificates({
    dataDir,
    serverNames: [],
    brought: null,
    authority,
    now,
    log,
  });
  const health = createHealth({ database, nudges });
  const blocks = createBlockService({ database, hosts, now, changes, counts: createMetrics() });
  const app = createAdminApp(log);
  adminRoutes(app, {
    externalSystems,
    enrolment,
    hosts,
    blocks,
    users: createUserService({ database, audit, changes, now }),
    audit,
    backup: createBackup({ dataDir, postgresUrl: database.postgresUrl, audit }),
    diagnose: () => diagnoseNode({ health, authority, certificates, externalSystems, now }),
    status: () => Promise.reject(new Error("a fault of ours")),
  });
  t.after(async () => {
    await app.close();
    await database.close();
    rmSync(dataDir, { recursive: true, force: true });
  });
  return { app, audit, blocks, clock, dataDir, externalSystems };
}

test("what an administrator does is audited under the local account that said its name", async (t) => {
  const { app, audit } = await start(t);
  const payload = { ttlSec: 60, uses: 1 };
  await app.inject({ method: "POST", url: "/join-tokens", headers: { [accountHeader]: "al\u0007ice" }, payload });
  await app.inject({ method: "POST", url: "/join-tokens", payload });
  assert.deepEqual(
    (await audit.list(0, 10)).map((entry) => [entry.actor_kind, entry.actor_id]),
    [
      ["local-administrator", "al\ufffdice"],
      ["local-administrator", "unknown"],
    ],
  );
});

test("blocks are listed by host, by hash and in number, and a limit that is none is refused", async (t) => {
  const { app, blocks } = await start(t);
  const sensorIds = [1, 2].map((number) => `${number}${"1".repeat(7)}-1111-4111-8111-111111111111`);
  for (const sensorId of sensorIds) {
    const event = {
      at: "",
      kind: "denied",
      path: "/x",
      hash: "ab".repeat(16),
      algorithm: "md5",
      scope: "all",
      count: 2,
    };
    const rest = { ruleName: null, fileSha256: null, userId: null, userName: null, processes: [] };
    await blocks.record(sensorId, { blocks: [{ eventId: sensorId, ...event, ...rest }], lostInAll: 0 }, sensorId);
  }
  const ask = async (query: string) => {
    const { events, counts } = (await app.inject({ method: "GET", url: `/blocks?${query}` })).json();
    return [events.length, counts.map(({ blocks }: { blocks: number }) => blocks)];
  };
  assert.deepEqual(await ask(""), [2, [2, 2]]);
  assert.deepEqual(await ask(`sensorId=${sensorIds[0]}`), [1, [2]]);
  assert.deepEqual(await ask(`hash=${"cd".repeat(16)}`), [0, []]);
  assert.deepEqual(await ask("limit=1"), [1, [2]]);
  assert.equal((await app.inject({ method: "GET", url: "/blocks?limit=0" })).statusCode, 400);
});

test("refusals are problems with a code, and a fault of ours gives nothing away", async (t) => {
  const { app } = await start(t);
  const ask = async (method: "GET" | "POST" | "DELETE", url: string, payload?: object) => {
    const reply = await app.inject(payload === undefined ? { method, url } : { method, url, payload });
    assert.match(String(reply.headers["content-type"]), /^application\/problem\+json/);
    const { code, message } = reply.json();
    return [reply.statusCode, code, message];
  };
  assert.deepEqual((await ask("GET", "/nothing")).slice(0, 2), [404, "NOT_FOUND"]);
  assert.deepEqual((await ask("DELETE", "/hosts/df64838b-b518-414b-b769-2b8be341a2f0")).slice(0, 2), [
    404,
    "NOT_FOUND",
  ]);
  assert.deepEqual(await ask("POST", "/join-tokens", { ttlSec: 60 }), [
    400,
    "BAD_REQUEST",
    "uses must fit the documented shape, and it is missing",
  ]);
  assert.deepEqual((await ask("POST", "/users", { name: "x", role: "king", password: "" })).slice(0, 2), [
    400,
    "BAD_REQUEST",
  ]);
  assert.deepEqual((await ask("POST", "/external-systems/x/accept", {})).slice(0, 2), [404, "NOT_FOUND"]);
  assert.deepEqual((await ask("GET", "/audit?after=x")).slice(0, 2), [400, "BAD_REQUEST"]);
  const fault = await ask("GET", "/status");
  assert.deepEqual(fault.slice(0, 2), [500, "INTERNAL"]);
  assert.doesNotMatch(String(fault[2]), /fault of ours/);
  const notJson = {
    method: "POST",
    url: "/users",
    headers: { "content-type": "application/json" },
    payload: "{",
  } as const;
  assert.equal((await app.inject(notJson)).statusCode, 400);
});

test("the doctor is content with a fresh node, and warns of what runs out", async (t) => {
  const { app, clock, externalSystems } = await start(t);
  const diagnose = async () =>
    new Map<string, string>(
      (await app.inject("/doctor"))
        .json()
        .map((check: { name: string; verdict: string }) => [check.name, check.verdict]),
    );
  assert.deepEqual(new Set((await diagnose()).values()), new Set(["ok"]));

  const { certificate: peer } = await makeCertificate({ to: new Date(clock.now.getTime() + 10 * dayMs) });
  const knock = { externalSystemId: "soar", peer, address: "192.0.2.1" };
  await assert.rejects(externalSystems.authorise(knock));
  assert.equal((await diagnose()).get("pending external systems"), "warn");
  const actor = { kind: "local-administrator", id: "root", address: null, fingerprint: null } as const;
  await externalSystems.accept({ externalSystemId: "soar" }, actor);
  clock.now = new Date(clock.now.getTime() + 350 * dayMs);
  const later = await diagnose();
  assert.equal(later.get("external systems"), "warn");
  assert.equal(later.get("the node's own server certificate"), "warn");
  assert.equal(later.get("the certificate authority"), "ok");
  clock.now = new Date(clock.now.getTime() + 100 * dayMs);
  assert.equal((await diagnose()).get("the node's own server certificate"), "fail");
});

test("the socket answers its owner alone, and takes the place of one that a killed node left", async (t) => {
  const { app, dataDir } = await start(t);
  writeFileSync(adminSocketPath(dataDir), "");
  await listenOnAdminSocket(app, dataDir);
  const path = adminSocketPath(dataDir);
  assert.equal(statSync(path).isSocket(), true);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  const status = await new Promise((resolve, reject) => {
    const outgoing = httpRequest({ socketPath: path, path: "/users" }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    outgoing.once("error", reject).end();
  });
  assert.equal(status, 200);
});
