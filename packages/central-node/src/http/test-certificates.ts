/** Certificates and requests as agents and external systems make them, good and hostile. For tests only. */
import { webcrypto, X509Certificate } from "node:crypto";
import { makeKeys, x509 } from "./x509.ts";

type KeyPair = webcrypto.CryptoKeyPair;
export type TestCertificate = { certificate: X509Certificate; pem: string; key: string };

export const dayMs = 86_400_000;

export function makeRsaKeys(bits: number): Promise<KeyPair> {
  const algorithm = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256", modulusLength: bits };
  return webcrypto.subtle.generateKey({ ...algorithm, publicExponent: new Uint8Array([1, 0, 1]) }, true, [
    "sign",
    "verify",
  ]);
}

export function makeEcKeys(namedCurve: "P-256" | "P-384" | "P-521"): Promise<KeyPair> {
  return webcrypto.subtle.generateKey({ name: "ECDSA", namedCurve }, true, ["sign", "verify"]);
}

/** Self-signed, as external systems bring them. */
export async function makeCertificate({
  commonName = "a client",
  keys,
  from = new Date(Date.now() - dayMs),
  to = new Date(Date.now() + 365 * dayMs),
  names = [],
}: {
  commonName?: string;
  keys?: KeyPair;
  from?: Date;
  to?: Date;
  names?: { type: "dns" | "ip" | "url"; value: string }[];
} = {}): Promise<TestCertificate> {
  const pair = keys ?? (await makeKeys());
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: [{ CN: [commonName] }],
    keys: pair,
    signingAlgorithm: signingAlgorithmOf(pair),
    notBefore: from,
    notAfter: to,
    extensions: [
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth, x509.ExtendedKeyUsage.serverAuth]),
      ...(names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names)]),
    ],
  });
  return {
    certificate: new X509Certificate(certificate.toString("pem")),
    pem: `${certificate.toString("pem")}\n`,
    key: await exportPrivateKey(pair),
  };
}

/** PKCS #10, PEM. */
export async function makeCertificateRequest(keys?: KeyPair): Promise<string> {
  const pair = keys ?? (await makeKeys());
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: [{ CN: ["whatever the agent says"] }],
    keys: pair,
    signingAlgorithm: signingAlgorithmOf(pair),
  });
  return request.toString("pem");
}

function signingAlgorithmOf({ privateKey }: KeyPair) {
  return { ...privateKey.algorithm, hash: "SHA-256" };
}

export async function exportPrivateKey({ privateKey }: KeyPair): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", privateKey));
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN PRIVATE KEY-----\n${lines.join("\n")}\n-----END PRIVATE KEY-----\n`;
}
