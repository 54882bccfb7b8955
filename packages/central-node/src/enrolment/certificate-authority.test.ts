import assert from "node:assert/strict";
import { createHash, X509Certificate } from "node:crypto";
import { type TestContext, test } from "node:test";
import { Problem } from "@cordon/contract";
import fc from "fast-check";
import { openDatabase } from "../database/database.ts";
import { testDatabases } from "../database/test-databases.ts";
import { dayMs, makeCertificate, makeCertificateRequest, makeEcKeys, makeRsaKeys } from "../http/test-certificates.ts";
import { x509 } from "../http/x509.ts";
import { createCertificateAuthority } from "./certificate-authority.ts";

const sensorId = "df64838b-b518-414b-b769-2b8be341a2f0";
const refused = (error: unknown) => error instanceof Problem && error.code === "BAD_REQUEST";
const [sqlite] = testDatabases;

/** An authority on an SQLite database of its own, with a clock that the test moves. */
async function makeAuthority(t: TestContext) {
  assert.ok(sqlite !== undefined);
  const clock = { now: new Date() };
  const database = await sqlite.open(t);
  return { clock, authority: await createCertificateAuthority({ database, now: () => clock.now }) };
}

for (const kind of testDatabases) {
  test(`${kind.name}: Central Nodes that start at once on one database have one authority, also after a restart`, async (t) => {
    const location = await kind.locate(t);
    const databases = [await openDatabase(location), await openDatabase(location)] as const;
    t.after(() => Promise.all(databases.map((database) => database.close())));
    const authorities = await Promise.all(
      databases.map((database) => createCertificateAuthority({ database, now: () => new Date() })),
    );
    const restarted = await createCertificateAuthority({ database: databases[0], now: () => new Date() });
    const fingerprints = [...authorities, restarted].map((authority) => authority.newestFingerprint());
    assert.equal(new Set(fingerprints).size, 1);
    const issued = await authorities[0]?.issueAgentCertificate(sensorId, await makeCertificateRequest());
    assert.equal(authorities[1]?.identifyAgent(new X509Certificate(issued?.pem ?? "")), sensorId);
  });
}

test("the authority's fingerprint is the SHA-256 of its certificate's DER, and it can sign but one level", async (t) => {
  const { authority } = await makeAuthority(t);
  const certificate = new X509Certificate(authority.authorities());
  assert.equal(authority.newestFingerprint(), createHash("sha256").update(certificate.raw).digest("hex"));
  assert.equal(certificate.ca, true);
  const constraints = new x509.X509Certificate(certificate.raw).getExtension(x509.BasicConstraintsExtension);
  assert.equal(constraints?.pathLength, 0);
});

test("an agent's certificate names the host and the role, for a year, whatever the request called itself", async (t) => {
  const { authority, clock } = await makeAuthority(t);
  for (const keys of [await makeEcKeys("P-256"), await makeEcKeys("P-384"), await makeRsaKeys(2048)]) {
    const issued = await authority.issueAgentCertificate(sensorId, await makeCertificateRequest(keys));
    const certificate = new X509Certificate(issued.pem);
    assert.equal(certificate.subject, `CN=${sensorId}`);
    assert.equal(certificate.subjectAltName, `URI:urn:cordon:agent:${sensorId}`);
    assert.deepEqual(certificate.keyUsage, ["1.3.6.1.5.5.7.3.2"]);
    assert.equal(certificate.ca, false);
    assert.equal(Math.round((certificate.validToDate.getTime() - clock.now.getTime()) / dayMs), 365);
    assert.equal(issued.fingerprint, createHash("sha256").update(certificate.raw).digest("hex"));
    assert.equal(authority.identifyAgent(certificate), sensorId);
  }
});

test("a weak or unusual key is refused with the rule", async (t) => {
  const { authority } = await makeAuthority(t);
  for (const keys of [await makeRsaKeys(1024), await makeEcKeys("P-521")]) {
    const request = await makeCertificateRequest(keys);
    await assert.rejects(authority.issueAgentCertificate(sensorId, request), /P-256 or P-384, or RSA of 2048 to 8192/);
  }
});

test("a request that was not signed with its own key is refused", async (t) => {
  const { authority } = await makeAuthority(t);
  const request = new x509.Pkcs10CertificateRequest(await makeCertificateRequest());
  const der = Buffer.from(request.rawData);
  // The signature stands at the end.
  der[der.length - 1] = (der[der.length - 1] ?? 0) ^ 1;
  const forged = new x509.Pkcs10CertificateRequest(der).toString("pem");
  await assert.rejects(authority.issueAgentCertificate(sensorId, forged), /not made with the private half/);
});

test("a request whose key has parameters that are no curve's name is refused", async (t) => {
  const { authority } = await makeAuthority(t);
  const der = Buffer.from(new x509.Pkcs10CertificateRequest(await makeCertificateRequest()).rawData);
  // The object identifier of P-256, with a tag that says it is something else.
  const curve = der.indexOf("06082a8648ce3d030107", "hex");
  assert.notEqual(curve, -1);
  der[curve] = 0x07;
  const damaged = `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString("base64")}\n-----END CERTIFICATE REQUEST-----`;
  await assert.rejects(authority.issueAgentCertificate(sensorId, damaged), /its key cannot be read/);
});

test("whatever stands in the place of a request, no key gets a certificate but one whose owner asked for it", async (t) => {
  const { authority } = await makeAuthority(t);
  const honest = new x509.Pkcs10CertificateRequest(await makeCertificateRequest());
  const good = Buffer.from(honest.rawData);
  const damaged = fc.tuple(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 })).map(([at, by]) => {
    const der = Buffer.from(good);
    der[at] = (der[at] ?? 0) ^ by;
    return `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString("base64")}\n-----END CERTIFICATE REQUEST-----`;
  });
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.string(), fc.base64String(), damaged), async (text) => {
      try {
        const { pem } = await authority.issueAgentCertificate(sensorId, text);
        // Damage outside of what is signed (the name of the digest, say) may pass: the key is still its owner's.
        const { publicKey } = new x509.X509Certificate(pem);
        assert.deepEqual(Buffer.from(publicKey.rawData), Buffer.from(honest.publicKey.rawData));
      } catch (error) {
        assert.ok(refused(error), String(error));
      }
    }),
    { numRuns: 300 },
  );
});

test("only a certificate that our authority issued to an agent, within its dates, identifies one", async (t) => {
  const { authority, clock } = await makeAuthority(t);
  const { authority: stranger } = await makeAuthority(t);
  const names = [{ type: "url" as const, value: `urn:cordon:agent:${sensorId}` }];
  const selfSigned = await makeCertificate({ commonName: sensorId, names });
  assert.equal(authority.identifyAgent(selfSigned.certificate), null);
  const request = await makeCertificateRequest();
  const ofStranger = await stranger.issueAgentCertificate(sensorId, request);
  assert.equal(authority.identifyAgent(new X509Certificate(ofStranger.pem)), null);
  const server = await authority.issueServerCertificate({ dns: ["host4"], ip: [] });
  assert.equal(authority.identifyAgent(new X509Certificate(server.chain)), null);
  assert.equal(authority.identifyAgent(new X509Certificate(authority.authorities())), null);

  const ours = new X509Certificate((await authority.issueAgentCertificate(sensorId, request)).pem);
  const issuedAt = clock.now;
  clock.now = new Date(issuedAt.getTime() + 366 * dayMs);
  assert.equal(authority.identifyAgent(ours), null);
  clock.now = new Date(issuedAt.getTime() - 2 * dayMs);
  assert.equal(authority.identifyAgent(ours), null);
  clock.now = issuedAt;
  assert.equal(authority.identifyAgent(ours), sensorId);
  // That it was found good once says nothing about its dates now, nor about another certificate of the same name.
  clock.now = new Date(issuedAt.getTime() + 366 * dayMs);
  assert.equal(authority.identifyAgent(ours), null);
  clock.now = issuedAt;
  assert.equal(authority.identifyAgent(ours), sensorId);
  assert.equal(authority.identifyAgent(new X509Certificate(ofStranger.pem)), null);
});
