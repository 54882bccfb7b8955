import { generateKeyPairSync, sign } from "node:crypto";

/**
 * A new P-256 key and a PKCS #10 request for it (RFC 2986), both PEM. The Central Node chooses the name, so the request
 * has none. Written out by hand: what a library brings along for it is many times the agent's own size, and runs as root.
 */
export function createCertificateRequest(): { key: string; certificateRequest: string } {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const version = Buffer.from([der.integer, 1, 0]);
  const noName = element(der.sequence);
  const noAttributes = element(der.context0);
  const info = element(der.sequence, version, noName, publicKey.export({ format: "der", type: "spki" }), noAttributes);
  const signature = sign("sha256", info, privateKey);
  const noUnusedBits = Buffer.from([0]);
  const request = element(
    der.sequence,
    info,
    element(der.sequence, ecdsaWithSha256),
    element(der.bitString, noUnusedBits, signature),
  );
  const lines = request.toString("base64").match(/.{1,64}/g) ?? [];
  return {
    key: privateKey.export({ format: "pem", type: "pkcs8" }).toString(),
    certificateRequest: `-----BEGIN CERTIFICATE REQUEST-----\n${lines.join("\n")}\n-----END CERTIFICATE REQUEST-----\n`,
  };
}

const der = { integer: 0x02, bitString: 0x03, sequence: 0x30, context0: 0xa0 };
/** OID 1.2.840.10045.4.3.2, encoded. */
const ecdsaWithSha256 = Buffer.from("06082a8648ce3d040302", "hex");

function element(tag: number, ...contents: Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  // DER's short form, or the long form with one or two bytes: nothing here is longer.
  const length =
    content.length < 0x80
      ? [content.length]
      : content.length < 0x100
        ? [0x81, content.length]
        : [0x82, content.length >> 8, content.length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), content]);
}
