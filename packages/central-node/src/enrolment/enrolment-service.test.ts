import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { type TestContext, test } from "node:test";
import { type HostFacts, Problem, parseJoinToken } from "@cordon/contract";
import pino from "pino";
import type { Actor } from "../audit/actor.ts";
import { createAuditLog } from "../audit/audit-log.ts";
import { createChanges } from "../changes/changes.ts";
import { openDatabase } from "../database/database.ts";
import { testDatabases } from "../database/test-databases.ts";
import { createHostService } from "../hosts/host-service.ts";
import { createNudges } from "../hosts/nudges.ts";
import { makeCertificate, makeCertificateRequest, makeRsaKeys } from "../http/test-certificates.ts";
import { createCertificateAuthority } from "./certificate-authority.ts";
import { createEnrolmentService } from "./enrolment-service.ts";

const administrator: Actor = { kind: "local-administrator", id: "root", address: null, fingerprint: null };
const facts: HostFacts = {
  hostName: "host4",
  ipAddresses: ["10.16.40.243"],
  osFamily: "linux",
  osName: "Debian GNU/Linux 12",
  agentVersion: "0.1.0",
  capabilities: ["run-process"],
};
const hourMs = 3_600_000;
const isProblem = (code: string) => (error: unknown) => error instanceof Problem && error.code === code;

async function makeNode(t: TestContext, location: string) {
  const clock = { now: new Date() };
  const now = () => clock.now;
  const lines: string[] = [];
  const log = pino({}, { write: (line: string) => void lines.push(line) });
  const database = await openDatabase(location);
  t.after(() => database.close());
  const audit = createAuditLog({ database, now });
  const nudges = createNudges({ postgresUrl: null, log });
  const hosts = createHostService({ database, audit, now, nudges, changes: createChanges() });
  const authority = await createCertificateAuthority({ database, now });
  const enrolment = createEnrolmentService({ database, audit, authority, hosts, changes: createChanges(), now, log });
  hosts.whenRemoved(enrolment.forget);
  return {
    clock,
    lines,
    hosts,
    audit,
    authority,
    enrolment,
    async makeSecret(uses = 1) {
      const { token } = await enrolment.createJoinToken({ ttlSec: 3600, uses }, administrator);
      return parseJoinToken(token).secret;
    },
    async enrol(secret: string) {
      const reply = await enrolment.enrol(
        { secret, certificateRequest: await makeCertificateRequest(), facts },
        "192.0.2.9",
      );
      return { ...reply, certificate: new X509Certificate(reply.certificate) };
    },
  };
}

for (const kind of testDatabases) {
  const start = async (t: TestContext) => makeNode(t, await kind.locate(t));

  test(`${kind.name}: a host enrols with a join token, and its certificate stands for it`, async (t) => {
    const { enrolment, authority, hosts, audit, enrol } = await start(t);
    const token = parseJoinToken((await enrolment.createJoinToken({ ttlSec: 60, uses: 1 }, administrator)).token);
    assert.equal(token.caFingerprint, authority.newestFingerprint());
    const { sensorId, certificate, authorities } = await enrol(token.secret);
    assert.equal(await enrolment.agentOf(certificate), sensorId);
    assert.equal(authorities, authority.authorities());
    assert.equal((await hosts.list())[0]?.hostName, "host4");
    const entries = await audit.list(0, 10);
    assert.deepEqual(
      entries.map((entry) => [entry.action, entry.actor_kind, entry.address]),
      [
        ["join-token.create", "local-administrator", null],
        ["host.enrol", "agent", "192.0.2.9"],
      ],
    );
    assert.ok(!JSON.stringify(entries).includes(token.secret));
  });

  test(`${kind.name}: of two hosts that use a single-use token at once, one gets in`, async (t) => {
    const location = await kind.locate(t);
    const first = await makeNode(t, location);
    // On PostgreSQL two Central Nodes; two processes do not share an SQLite file.
    const second = kind.name === "PostgreSQL" ? await makeNode(t, location) : first;
    const secret = await first.makeSecret();
    const outcomes = await Promise.allSettled([first.enrol(secret), second.enrol(secret), first.enrol(secret)]);
    assert.equal(outcomes.filter((outcome) => outcome.status === "fulfilled").length, 1);
    for (const outcome of outcomes) {
      if (outcome.status === "rejected") assert.ok(isProblem("UNAUTHORIZED")(outcome.reason));
    }
    assert.equal((await first.hosts.list()).length, 1);
  });

  test(`${kind.name}: unknown, expired, revoked and used-up tokens get one answer, and the log says which`, async (t) => {
    const { enrolment, clock, lines, makeSecret, enrol } = await start(t);
    const answers: string[] = [];
    const refuse = async (secret: string) => {
      await assert.rejects(enrol(secret), (error) => {
        assert.ok(isProblem("UNAUTHORIZED")(error));
        answers.push(String(error));
        return true;
      });
      // Past the interval within which refusals share a line.
      clock.now = new Date(clock.now.getTime() + 11_000);
    };
    await refuse("x".repeat(43));
    const usedUp = await makeSecret();
    await enrol(usedUp);
    await refuse(usedUp);
    const revoked = await makeSecret();
    const newest = (await enrolment.listJoinTokens()).at(-1);
    await enrolment.revokeJoinToken(newest?.id ?? "", administrator);
    await refuse(revoked);
    const expired = await makeSecret();
    clock.now = new Date(clock.now.getTime() + hourMs);
    await refuse(expired);
    assert.equal(new Set(answers).size, 1);
    const reasons = lines.map((line) => JSON.parse(line).reason.replace(/[0-9a-f-]{36}/, "ID"));
    assert.deepEqual(reasons, [
      "unknown join token",
      "join token ID is used up",
      "unknown join token",
      "join token ID has expired",
    ]);
    assert.equal(enrolment.refusals(), 4);
  });

  test(`${kind.name}: a request that is refused for its key takes no use of the token`, async (t) => {
    const { enrolment, makeSecret, enrol } = await start(t);
    const secret = await makeSecret();
    const weak = await makeCertificateRequest(await makeRsaKeys(1024));
    await assert.rejects(enrolment.enrol({ secret, certificateRequest: weak, facts }, null), isProblem("BAD_REQUEST"));
    await enrol(secret);
  });

  test(`${kind.name}: a removed host is cut off at once, and cannot renew`, async (t) => {
    const { enrolment, hosts, makeSecret, enrol } = await start(t);
    const { sensorId, certificate } = await enrol(await makeSecret());
    await hosts.remove(sensorId, administrator);
    assert.equal(await enrolment.agentOf(certificate), null);
    const request = await makeCertificateRequest();
    await assert.rejects(enrolment.renew(sensorId, request, certificate), isProblem("NOT_FOUND"));
    assert.equal(await enrolment.agentOf(certificate), null);
  });

  test(`${kind.name}: a renewed certificate works beside the one in use, which never is the one that is dropped`, async (t) => {
    const { enrolment, clock, makeSecret, enrol } = await start(t);
    const { sensorId, certificate: inUse } = await enrol(await makeSecret());
    const renewed: X509Certificate[] = [];
    for (let round = 0; round < 4; round++) {
      clock.now = new Date(clock.now.getTime() + hourMs);
      const pem = await enrolment.renew(sensorId, await makeCertificateRequest(), inUse);
      renewed.push(new X509Certificate(pem));
    }
    const known = await Promise.all([inUse, ...renewed].map((certificate) => enrolment.agentOf(certificate)));
    assert.deepEqual(known, [sensorId, null, null, sensorId, sensorId]);
  });

  test(`${kind.name}: join tokens are listed without their secrets, and forgotten a week after their end`, async (t) => {
    const { enrolment, clock, makeSecret } = await start(t);
    const secret = await makeSecret(5);
    const listed = await enrolment.listJoinTokens();
    assert.equal(listed[0]?.usesLeft, 5);
    assert.ok(!JSON.stringify(listed).includes(secret));
    clock.now = new Date(clock.now.getTime() + 7 * 24 * hourMs);
    await enrolment.sweep();
    assert.equal((await enrolment.listJoinTokens()).length, 1);
    clock.now = new Date(clock.now.getTime() + 2 * hourMs);
    await enrolment.sweep();
    assert.deepEqual(await enrolment.listJoinTokens(), []);
  });

  test(`${kind.name}: a join token outside of the bounds is refused with the bounds`, async (t) => {
    const { enrolment } = await start(t);
    for (const [ttlSec, uses] of [
      [59, 1],
      [30 * 86_400 + 1, 1],
      [Number.NaN, 1],
      [3600, 0],
      [3600, 100_001],
      [3600, 1.5],
    ] as const) {
      await assert.rejects(enrolment.createJoinToken({ ttlSec, uses }, administrator), isProblem("BAD_REQUEST"));
    }
    assert.deepEqual(await enrolment.listJoinTokens(), []);
  });

  test(`${kind.name}: a stranger's certificate that names an enrolled host stands for nobody`, async (t) => {
    const { enrolment, makeSecret, enrol } = await start(t);
    const { sensorId } = await enrol(await makeSecret());
    const names = [{ type: "url" as const, value: `urn:cordon:agent:${sensorId}` }];
    const forged = await makeCertificate({ commonName: sensorId, names });
    assert.equal(await enrolment.agentOf(forged.certificate), null);
  });
}
