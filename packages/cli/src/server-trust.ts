import { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { type ConnectionOptions, checkServerIdentity, connect, type PeerCertificate, type TLSSocket } from "node:tls";
import { centralNodeTlsName } from "@cordon/contract";
import { failure } from "@cordon/terminal";
import { fingerprintOf, fingerprintOfDer } from "./identity.ts";

/** PEM of the one certificate that a server must show, or must have signed with. */
export type Pin = string;

export type ServerAddress = { host: string; port: number };

const connectTimeoutMs = 10_000;

/** The certificates that a server shows, its own first, as DER. Nothing is sent to it beyond the handshake. */
export async function readPresentedChain(address: ServerAddress): Promise<Uint8Array[]> {
  // An empty list of authorities: OpenSSL would otherwise complete the chain with a public root that was not presented.
  const socket = await connectTls({ ...address, ca: [], checkServerIdentity: () => undefined });
  const chain: Uint8Array[] = [];
  let certificate: PeerCertificate | undefined = socket.getPeerCertificate(true);
  while (certificate?.raw !== undefined && !chain.some((known) => certificate?.raw.equals(known))) {
    chain.push(certificate.raw);
    certificate = "issuerCertificate" in certificate ? (certificate.issuerCertificate as PeerCertificate) : undefined;
  }
  socket.destroy();
  return chain;
}

/**
 * What to trust from now on. Asked for by fingerprint: that certificate of the chain. Otherwise the topmost one, so that the
 * server may renew its own; but only if the server's certificate names the address (or Cordon's own name), because a CA that
 * signs for others too would vouch for them all.
 */
export function choosePin(chain: Uint8Array[], address: ServerAddress, wantedFingerprint?: string): Pin {
  const leaf = chain[0];
  const top = chain.at(-1);
  if (leaf === undefined || top === undefined) throw failure("UNREACHABLE", "the server shows no certificate");
  if (wantedFingerprint !== undefined) {
    const wanted = chain.find((der) => fingerprintOfDer(der) === wantedFingerprint);
    if (wanted !== undefined) return pemOf(wanted);
    throw failure("UNTRUSTED_SERVER", "the server shows no certificate with that fingerprint", {
      advice: `It shows: ${chain.map(fingerprintOfDer).join("\n          ")}\nAsk its administrator which is right. Nothing was sent to it.`,
    });
  }
  return pemOf(isNamedFor(new X509Certificate(leaf), address.host) ? top : leaf);
}

/**
 * Connects and resolves only once the server is known to be the pinned one: not a byte of a request reaches another.
 * The pinned certificate itself is taken as it stands, expired or not; one signed by a pinned CA must be valid, be meant for a
 * server (an agent's certificate comes from the same CA) and name the address.
 */
export async function connectPinned(
  address: ServerAddress,
  pin: Pin,
  client: { cert: string; key: string },
): Promise<TLSSocket> {
  const socket = await connectTls({
    ...address,
    ...client,
    ca: [pin],
    allowPartialTrustChain: true,
    checkServerIdentity: (_name: string, { raw }: PeerCertificate) =>
      isNamedFor(new X509Certificate(raw), address.host) ? undefined : new Error("it is made out for another name"),
  });
  const leaf = socket.getPeerCertificate().raw;
  if (socket.authorized || (leaf !== undefined && fingerprintOfDer(leaf) === fingerprintOf(pin))) return socket;
  socket.destroy();
  // At run time a string or an Error; the type says Error.
  const reason: unknown = socket.authorizationError;
  throw failure("UNTRUSTED_SERVER", `the server at ${address.host}:${address.port} is not the one that was trusted`, {
    advice: [
      `Its certificate: ${leaf === undefined ? "none" : fingerprintOfDer(leaf)}`,
      `Trusted:         ${fingerprintOf(pin)} (or signed by it)`,
      `Reason:          ${reason instanceof Error ? reason.message : String(reason)}`,
      "Somebody may be in between; nothing was sent. If the administrator confirms the new certificate, run:",
      `cordon connect https://${address.host}:${address.port} --trust-new-certificate`,
    ].join("\n"),
  });
}

/** `AA:BB…` or plain hex, any case → lower-case hex; null when it is no SHA-256. */
export function parseFingerprint(text: string): string | null {
  const hex = text.replaceAll(":", "").toLowerCase();
  return /^[0-9a-f]{64}$/.test(hex) ? hex : null;
}

function isNamedFor(certificate: X509Certificate, host: string): boolean {
  const legacy = certificate.toLegacyObject() as PeerCertificate;
  return [host, centralNodeTlsName].some((name) => checkServerIdentity(name, legacy) === undefined);
}

function pemOf(der: Uint8Array): string {
  return new X509Certificate(der).toString();
}

function connectTls(options: ConnectionOptions & ServerAddress): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      // The caller judges: TLS' own verdict knows no pinned leaf.
      rejectUnauthorized: false,
      // An address is not a server name (RFC 6066).
      ...(isIP(options.host) !== 0 ? {} : { servername: options.host }),
      ...options,
    });
    socket.setTimeout(connectTimeoutMs, () => socket.destroy(timedOut()));
    socket.once("error", reject);
    socket.once("secureConnect", () => {
      socket.setTimeout(0);
      socket.off("error", reject);
      resolve(socket);
    });
  });
}

function timedOut(): Error {
  return Object.assign(new Error(`no connection within ${connectTimeoutMs / 1000} s`), { code: "ETIMEDOUT" });
}
