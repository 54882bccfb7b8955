/** The one door to @peculiar/x509: it works on Node's own WebCrypto. */
import "reflect-metadata";
import { webcrypto } from "node:crypto";
import { cryptoProvider } from "@peculiar/x509";

// Both are the Web Crypto API; the library's type is the browser's declaration of it.
cryptoProvider.set(webcrypto as unknown as Parameters<typeof cryptoProvider.set>[0]);

export * as x509 from "@peculiar/x509";

export const signingAlgorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

export async function makeKeys() {
  return await webcrypto.subtle.generateKey(signingAlgorithm, true, ["sign", "verify"]);
}
