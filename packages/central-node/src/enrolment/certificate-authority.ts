import { createHash, createPrivateKey, randomBytes, webcrypto, X509Certificate } from "node:crypto";
import { agentUriPrefix } from "@cordon/contract";
import type { Database } from "../database/database.ts";
import type { CertificateAuthorityRow } from "../database/tables.ts";
import { makeKeys, signingAlgorithm, x509 } from "../http/x509.ts";
import { certificateAuthorityStore } from "./certificate-authority-store.ts";
import { readCertificateRequest } from "./certificate-request.ts";

const dayMs = 86_400_000;
const authorityLifeMs = 3650 * dayMs;
/** 397 days is the longest life that browsers accept. */
const serverLifeMs = 397 * dayMs;
const agentLifeMs = 365 * dayMs;
/** A host whose clock is late must not find our certificates "not yet valid". */
const backdatedMs = dayMs;
/** A hundred bytes each. */
const maxVerified = 100_000;

const clientAuth = "1.3.6.1.5.5.7.3.2";

export type IssuedCertificate = { pem: string; fingerprint: string; notAfter: string };
export type CertificateAuthority = Awaited<ReturnType<typeof createCertificateAuthority>>;

/** The authority in the database, made at the first start. Every Central Node on one database signs with the same. */
export async function createCertificateAuthority({ database, now }: { database: Database; now: () => Date }) {
  let rows = await certificateAuthorityStore.list(database.read);
  if (rows.length === 0) {
    await certificateAuthorityStore.insertFirst(database, await makeAuthority(now()));
    rows = await certificateAuthorityStore.list(database.read);
  }
  const newest = rows[0];
  if (newest === undefined) throw new Error("the certificate authority that was just written cannot be read");
  const known = rows.map((row) => new X509Certificate(row.certificate));
  const issuer = new x509.X509Certificate(newest.certificate);
  const signingKey = await webcrypto.subtle.importKey(
    "pkcs8",
    createPrivateKey(newest.private_key).export({ format: "der", type: "pkcs8" }),
    signingAlgorithm,
    false,
    ["sign"],
  );
  // Made once: a fleet enrols within minutes, and each extension is a costly object.
  const extensionsOfAll = [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
    await x509.AuthorityKeyIdentifierExtension.create(issuer),
  ];

  /**
   * Fingerprints of certificates that one of `known` has signed, as far as they were looked at: a fleet that comes back shows
   * the same ones again, and a signature costs a third of a millisecond.
   */
  const verified = new Set<string>();

  function isSignedByUs(peer: X509Certificate): boolean {
    const fingerprint = peer.fingerprint256;
    if (verified.has(fingerprint)) return true;
    if (!known.some((authority) => peer.checkIssued(authority) && peer.verify(authority.publicKey))) return false;
    if (verified.size >= maxVerified) verified.clear();
    verified.add(fingerprint);
    return true;
  }

  async function issue(leaf: {
    publicKey: x509.PublicKeyType;
    commonName: string;
    lifeMs: number;
    usage: string;
    names: { type: "dns" | "ip" | "url"; value: string }[];
  }): Promise<IssuedCertificate> {
    const certificate = await x509.X509CertificateGenerator.create({
      subject: [{ CN: [leaf.commonName] }],
      issuer: issuer.subject,
      publicKey: leaf.publicKey,
      signingKey,
      signingAlgorithm,
      serialNumber: makeSerialNumber(),
      notBefore: new Date(now().getTime() - backdatedMs),
      notAfter: new Date(Math.min(now().getTime() + leaf.lifeMs, issuer.notAfter.getTime())),
      extensions: [
        ...extensionsOfAll,
        new x509.ExtendedKeyUsageExtension([leaf.usage]),
        new x509.SubjectAlternativeNameExtension(leaf.names),
      ],
    });
    return {
      pem: withLineEnd(certificate.toString("pem")),
      fingerprint: fingerprintOf(certificate.rawData),
      notAfter: certificate.notAfter.toISOString(),
    };
  }

  return {
    /** PEM of every authority, newest first. */
    authorities: () => rows.map((row) => withLineEnd(row.certificate)).join(""),
    newestFingerprint: () => newest.fingerprint,
    notAfter: () => newest.not_after,

    /** `names` are host names and IP addresses. The PEM is the chain: the leaf, then the authority. */
    async issueServerCertificate(names: { dns: string[]; ip: string[] }): Promise<{ chain: string; key: string }> {
      const keys = await makeKeys();
      const leaf = await issue({
        publicKey: keys.publicKey,
        commonName: "Cordon Central Node",
        lifeMs: serverLifeMs,
        usage: x509.ExtendedKeyUsage.serverAuth,
        names: [
          ...names.dns.map((value) => ({ type: "dns" as const, value })),
          ...names.ip.map((value) => ({ type: "ip" as const, value })),
        ],
      });
      return { chain: leaf.pem + withLineEnd(newest.certificate), key: await exportKey(keys.privateKey) };
    },

    /** Throws BAD_REQUEST where the request does not prove possession of an acceptable key. */
    async issueAgentCertificate(sensorId: string, certificateRequest: string): Promise<IssuedCertificate> {
      const request = await readCertificateRequest(certificateRequest);
      return issue({
        publicKey: request.publicKey,
        commonName: sensorId,
        lifeMs: agentLifeMs,
        usage: clientAuth,
        names: [{ type: "url", value: `${agentUriPrefix}${sensorId}` }],
      });
    },

    /** The sensor ID in a valid certificate that one of our authorities issued to an agent, or null. */
    identifyAgent(peer: X509Certificate): string | null {
      const uri = peer.subjectAltName;
      if (uri === undefined || !uri.startsWith(`URI:${agentUriPrefix}`)) return null;
      if (peer.ca || !peer.keyUsage?.includes(clientAuth)) return null;
      const at = now();
      if (!(peer.validFromDate <= at && at <= peer.validToDate)) return null;
      if (!isSignedByUs(peer)) return null;
      return uri.slice(`URI:${agentUriPrefix}`.length);
    },
  };
}

/** SHA-256 of a certificate's DER, lower-case hex. */
export function fingerprintOf(der: ArrayBuffer | Uint8Array): string {
  return createHash("sha256").update(new Uint8Array(der)).digest("hex");
}

async function makeAuthority(at: Date): Promise<CertificateAuthorityRow> {
  const keys = await makeKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    // A name of its own: two authorities with one name would be mistaken for each other in a trust store.
    name: [{ CN: [`Cordon CA ${randomBytes(4).toString("hex")}`] }],
    keys,
    signingAlgorithm,
    serialNumber: makeSerialNumber(),
    notBefore: new Date(at.getTime() - backdatedMs),
    notAfter: new Date(at.getTime() + authorityLifeMs),
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return {
    fingerprint: fingerprintOf(certificate.rawData),
    certificate: withLineEnd(certificate.toString("pem")),
    private_key: await exportKey(keys.privateKey),
    created_at: at.toISOString(),
    not_after: certificate.notAfter.toISOString(),
  };
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", key));
  return createPrivateKey({ key: der, format: "der", type: "pkcs8" })
    .export({ format: "pem", type: "pkcs8" })
    .toString();
}

/** Positive, and 127 bits that nobody can guess. */
function makeSerialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.toString("hex");
}

function withLineEnd(pem: string): string {
  return `${pem.trim()}\n`;
}
