import { createPublicKey } from "node:crypto";
import { Problem } from "@cordon/contract";
import { x509 } from "../http/x509.ts";

const curves = ["prime256v1", "secp384r1"];
const minRsaBits = 2048;
/** A longer one costs more at every handshake than it is worth. */
const maxRsaBits = 8192;

/** Takes PKCS #10 in PEM. Throws BAD_REQUEST unless it is signed with the private half of an acceptable key. */
export async function readCertificateRequest(pem: string): Promise<x509.Pkcs10CertificateRequest> {
  const request = decode(pem);
  const refusal = findKeyRefusal(request);
  if (refusal !== null) throw new Problem("BAD_REQUEST", { message: `certificateRequest: ${refusal}` });
  if (!(await isSignedWithItsKey(request))) {
    throw new Problem("BAD_REQUEST", {
      message: "certificateRequest: its signature was not made with the private half of its key",
    });
  }
  return request;
}

function decode(pem: string): x509.Pkcs10CertificateRequest {
  try {
    return new x509.Pkcs10CertificateRequest(pem);
  } catch {
    // What the decoder says of hostile bytes helps nobody.
    throw new Problem("BAD_REQUEST", { message: "certificateRequest must be a PKCS #10 request in PEM" });
  }
}

function findKeyRefusal(request: x509.Pkcs10CertificateRequest): string | null {
  try {
    // Inside the try: the decoder looks at the key only now, and throws what it likes at hostile bytes.
    const der = Buffer.from(request.publicKey.rawData);
    const { asymmetricKeyType, asymmetricKeyDetails } = createPublicKey({ key: der, format: "der", type: "spki" });
    const bits = asymmetricKeyDetails?.modulusLength ?? 0;
    if (asymmetricKeyType === "ec" && curves.includes(asymmetricKeyDetails?.namedCurve ?? "")) return null;
    if (asymmetricKeyType === "rsa" && bits >= minRsaBits && bits <= maxRsaBits) return null;
    return `its key must be ECDSA on P-256 or P-384, or RSA of ${minRsaBits} to ${maxRsaBits} bits`;
  } catch {
    return "its key cannot be read";
  }
}

async function isSignedWithItsKey(request: x509.Pkcs10CertificateRequest): Promise<boolean> {
  try {
    return await request.verify();
  } catch {
    // An algorithm that Web Crypto does not know proves nothing.
    return false;
  }
}
