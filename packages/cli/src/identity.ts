import { createHash, randomUUID, X509Certificate } from "node:crypto";

/** What an external system is known by. `certificate` and `privateKey` are PEM. */
export type Identity = { externalSystemId: string; certificate: string; privateKey: string };

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const validYears = 10;

/** Self-signed: the administrator accepts this very certificate, so nobody needs to vouch for it. */
export async function createIdentity(nowMs: number): Promise<Identity> {
  // Loaded here, because only `connect` needs it and every other command would start later by it.
  await import("reflect-metadata");
  const x509 = await import("@peculiar/x509");
  const externalSystemId = randomUUID();
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const notBefore = new Date(nowMs);
  const notAfter = new Date(nowMs);
  notAfter.setUTCFullYear(notAfter.getUTCFullYear() + validYears);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=cordon ${externalSystemId}`,
    keys,
    notBefore,
    notAfter,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]),
    ],
  });
  const privateKey = x509.PemConverter.encode(await crypto.subtle.exportKey("pkcs8", keys.privateKey), "PRIVATE KEY");
  return { externalSystemId, certificate: certificate.toString("pem"), privateKey };
}

/** SHA-256 of the certificate's DER, lower-case hex: what the administrator compares. */
export function fingerprintOf(certificate: string): string {
  return fingerprintOfDer(new X509Certificate(certificate).raw);
}

export function fingerprintOfDer(der: Uint8Array): string {
  return createHash("sha256").update(der).digest("hex");
}
