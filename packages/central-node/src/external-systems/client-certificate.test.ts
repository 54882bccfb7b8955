import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { makeCertificate, makeEcKeys } from "../http/test-certificates.ts";
import { describeClientCertificate } from "./client-certificate.ts";

test("whatever a certificate's name holds, what is kept of it is one bounded line", async () => {
  const keys = await makeEcKeys("P-256");
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: "binary", minLength: 1, maxLength: 600 }), async (commonName) => {
      const { certificate } = await makeCertificate({ commonName, keys });
      const { subject, fingerprint } = describeClientCertificate(certificate);
      assert.doesNotMatch(subject, /[\p{Cc}\p{Cs}]/u);
      assert.ok(subject.length <= 512);
      assert.match(fingerprint, /^[0-9a-f]{64}$/);
    }),
    { numRuns: 100 },
  );
});

test("a certificate with bytes changed anywhere either cannot be read or is described", async () => {
  const { certificate } = await makeCertificate();
  fc.assert(
    fc.property(fc.nat(certificate.raw.length - 1), fc.nat(255), (at, byte) => {
      const der = Buffer.from(certificate.raw);
      der[at] = byte;
      const damaged = parseOrNull(der);
      if (damaged === null) return;
      const { validFrom, validTo } = describeClientCertificate(damaged);
      for (const date of [validFrom, validTo]) assert.match(date, /^[+-]?\d{4,6}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    }),
    { numRuns: 2000 },
  );
});

test("a certificate whose dates are none counts as expired", async () => {
  const { certificate } = await makeCertificate();
  const der = Buffer.from(certificate.raw);
  // Validity: a sequence of two UTCTimes, each a tag, a length and 13 characters; the month is after the year's two. The
  // whole beginning is looked for, as two bytes alone may stand in a key or a signature too.
  const validity = der.indexOf(Buffer.from([0x30, 0x1e, 0x17, 0x0d]));
  const notAfter = validity + 2 + 15;
  assert.deepEqual([...der.subarray(notAfter, notAfter + 2)], [0x17, 0x0d]);
  der.write("99", notAfter + 4, "latin1");
  const peer = new X509Certificate(der);
  // Node's own reading of it depends on what stands in memory, now and then.
  Object.defineProperty(peer, "validToDate", { value: new Date("+177491-01-11T17:50:44.000Z") });
  assert.equal(describeClientCertificate(peer).validTo, "1970-01-01T00:00:00.000Z");
});

/** The TLS layer hands over only what OpenSSL could read. */
function parseOrNull(der: Buffer): X509Certificate | null {
  try {
    return new X509Certificate(der);
  } catch {
    return null;
  }
}
