import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { after, test } from "node:test";
import { enrolPath, Problem } from "@cordon/contract";
import { enrol } from "./enrolment.ts";
import { startCentralNodeDouble } from "./testing/central-node-double.ts";
import { createOpensslAuthority, type OpensslAuthority } from "./testing/openssl-authority.ts";

const authority = createOpensslAuthority();
const stranger = createOpensslAuthority("Test CA");
after(() => {
  authority.remove();
  stranger.remove();
});

const secret = "s".repeat(43);
const sensorId = "11111111-1111-4111-8111-111111111111";
const facts = () => ({
  hostName: "h",
  ipAddresses: [],
  osFamily: "linux" as const,
  osName: "Debian",
  agentVersion: "0.1.0",
  capabilities: [],
});

/** A Central Node that answers an enrolment with `reply`, and what it was asked. */
async function startEnrolling(
  signedBy: OpensslAuthority,
  { serverName, reply }: { serverName?: string; reply?: (request: string) => { status: number; body: object } } = {},
) {
  const double = await startCentralNodeDouble({
    authority: signedBy,
    ...(serverName === undefined ? {} : { serverName }),
  });
  const asked: { url: string | undefined; body: string }[] = [];
  double.server.on("request", (request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => {
      body += String(chunk);
    });
    request.on("end", () => {
      asked.push({ url: request.url, body });
      const csr = (JSON.parse(body) as { certificateRequest: string }).certificateRequest;
      const answer = reply?.(csr) ?? {
        status: 200,
        body: { sensorId, certificate: signedBy.signAgent(csr), authorities: signedBy.certificate },
      };
      response.writeHead(answer.status, { "content-type": "application/json" }).end(JSON.stringify(answer.body));
    });
  });
  const enrolling = (caFingerprint: string) =>
    enrol({ server: `127.0.0.1:${double.port}`, token: { caFingerprint, secret }, facts });
  return { double, asked, enrolling };
}

const refusedAs = (code: string, words: RegExp) => (error: unknown) =>
  error instanceof Problem && error.code === code && words.test(error.message);

test("a host with a join token gets a certificate for the key that it made itself", async (t) => {
  const { double, asked, enrolling } = await startEnrolling(authority);
  t.after(double.stop);
  const identity = await enrolling(authority.fingerprint);
  assert.equal(identity.sensorId, sensorId);
  assert.deepEqual(identity.servers, [`127.0.0.1:${double.port}`]);
  assert.ok(new X509Certificate(identity.certificate).verify(new X509Certificate(authority.certificate).publicKey));
  assert.equal(asked[0]?.url, enrolPath);
  const body = JSON.parse(asked[0]?.body ?? "") as Record<string, unknown>;
  assert.equal(body.secret, secret);
  assert.equal(asked[0]?.body.includes("PRIVATE KEY"), false, "the key never leaves the host");
});

test("a server of another CA, even one of the same name, never sees the secret", async (t) => {
  const { double, asked, enrolling } = await startEnrolling(stranger);
  t.after(double.stop);
  await assert.rejects(
    enrolling(authority.fingerprint),
    refusedAs("UNAUTHORIZED", /no CA with the token's fingerprint/),
  );
  assert.deepEqual(asked, []);
});

test("a server that shows the right CA but was not signed by it never sees the secret", async (t) => {
  // The CA's certificate is public: anybody can put it behind a certificate of their own.
  const { double, asked, enrolling } = await startEnrolling({ ...stranger, certificate: authority.certificate });
  t.after(double.stop);
  await assert.rejects(enrolling(authority.fingerprint), refusedAs("UNAUTHORIZED", /not the token's/));
  assert.deepEqual(asked, []);
});

test("a server whose certificate the CA made for another name never sees the secret", async (t) => {
  const { double, asked, enrolling } = await startEnrolling(authority, { serverName: "some-agent.example" });
  t.after(double.stop);
  await assert.rejects(enrolling(authority.fingerprint), refusedAs("UNAUTHORIZED", /central-node\.cordon\.internal/));
  assert.deepEqual(asked, []);
});

test("a refused token, a malformed answer and a certificate for another key are told apart", async (t) => {
  const cases: [RegExp, string, (request: string) => { status: number; body: object }][] = [
    [/refused the join token/, "UNAUTHORIZED", () => ({ status: 401, body: { error: "Unauthorized" } })],
    [/answered 503/, "UNAVAILABLE", () => ({ status: 503, body: {} })],
    [/malformed/, "UNAVAILABLE", () => ({ status: 200, body: { sensorId } })],
    [
      /not for the key that was made here/,
      "UNAVAILABLE",
      () => ({
        status: 200,
        body: { sensorId, certificate: authority.server().cert, authorities: authority.certificate },
      }),
    ],
  ];
  for (const [words, code, reply] of cases) {
    const { double, enrolling } = await startEnrolling(authority, { reply });
    t.after(double.stop);
    await assert.rejects(enrolling(authority.fingerprint), refusedAs(code, words));
  }
});

test("a Central Node that cannot be reached is named in the message", async () => {
  const token = { caFingerprint: authority.fingerprint, secret };
  await assert.rejects(
    enrol({ server: "127.0.0.1:1", token, facts }),
    refusedAs("UNAVAILABLE", /cannot reach a Central Node at 127\.0\.0\.1 port 1/),
  );
});
