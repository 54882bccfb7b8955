import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";

export type KeyAndChain = { chain: string; key: string };

/**
 * Reads a server certificate that the administrator brought. Throws an Error that says what is wrong with which file:
 * what is served must work, and what does not work must not replace what does.
 */
export function readBroughtCertificate(
  { certificateFile, keyFile }: { certificateFile: string; keyFile: string },
  now: Date,
): KeyAndChain {
  const chain = readFileSync(certificateFile, "utf8");
  const key = readFileSync(keyFile, "utf8");
  const leaf = parseOrExplain(() => new X509Certificate(chain), `${certificateFile} holds no certificate in PEM`);
  const privateKey = parseOrExplain(
    () => createPrivateKey(key),
    `${keyFile} holds no private key in PEM, or one that is protected by a passphrase`,
  );
  if (!leaf.checkPrivateKey(privateKey)) {
    throw new Error(
      `the private key in ${keyFile} does not belong to the first certificate in ${certificateFile}: put the server's own certificate first, its chain after it`,
    );
  }
  if (now > leaf.validToDate) throw new Error(`${certificateFile}: it expired on ${leaf.validToDate.toISOString()}`);
  if (now < leaf.validFromDate) {
    throw new Error(`${certificateFile}: it is not valid before ${leaf.validFromDate.toISOString()}`);
  }
  return { chain, key };
}

function parseOrExplain<T>(parse: () => T, explanation: string): T {
  try {
    return parse();
  } catch (error) {
    throw new Error(explanation, { cause: error });
  }
}
