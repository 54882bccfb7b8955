import { createHash, X509Certificate } from "node:crypto";
import { request } from "node:http";
import { checkServerIdentity, connect, type PeerCertificate, type TLSSocket } from "node:tls";
import {
  centralNodeTlsName,
  describeFault,
  EnrolReply,
  enrolPath,
  findFault,
  type HostFacts,
  type JoinToken,
  Problem,
} from "@cordon/contract";
import { createCertificateRequest } from "./certificate-request.ts";
import { findCertificateFault, type Identity } from "./identity.ts";

const timeoutMs = 30_000;
const maxReplyBytes = 256 * 1024;

/**
 * Makes a key, has the Central Node at `server` (`host:port`) sign a certificate for it, and returns the identity; keeps
 * nothing. The token says which CA to trust, and nothing else does. Throws Problem: UNAUTHORIZED when the Central Node is
 * not the token's or refuses the token, UNAVAILABLE when it cannot be reached.
 */
export async function enrol({
  server,
  token,
  facts,
}: {
  server: string;
  token: JoinToken;
  facts(localAddress: string | null): HostFacts;
}): Promise<Identity> {
  const { host, port } = splitServer(server);
  const socket = await connectTrusted({ host, port, caFingerprint: token.caFingerprint });
  try {
    const { key, certificateRequest } = createCertificateRequest();
    const body = { secret: token.secret, certificateRequest, facts: facts(socket.localAddress ?? null) };
    const reply: unknown = await post(socket, JSON.stringify(body));
    const fault = findFault(EnrolReply, reply);
    if (fault !== null)
      throw new Problem("UNAVAILABLE", { message: `the answer is malformed: ${describeFault(fault)}` });
    // Just validated.
    const { sensorId, certificate, authorities } = reply as EnrolReply;
    const certificateFault = findCertificateFault({ certificate, key, authorities });
    if (certificateFault !== null) {
      throw new Problem("UNAVAILABLE", { message: `the certificate is of no use: ${certificateFault}` });
    }
    return { sensorId, servers: [server], key, certificate, authorities };
  } finally {
    socket.destroy();
  }
}

/** `host:port` or `[v6]:port`. */
export function splitServer(server: string): { host: string; port: number } {
  const url = new URL(`https://${server}`);
  return { host: url.hostname.replace(/^\[|\]$/g, ""), port: Number(url.port || 443) };
}

/** Connects without any known CA, and lets nothing be sent before the chain was checked against the fingerprint. */
function connectTrusted({
  host,
  port,
  caFingerprint,
}: {
  host: string;
  port: number;
  caFingerprint: string;
}): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    // The CA is known only by its fingerprint, which OpenSSL cannot look for: findChainFault does all of the checking.
    const socket = connect({
      host,
      port,
      servername: centralNodeTlsName,
      rejectUnauthorized: false,
      minVersion: "TLSv1.2",
    });
    const unreachable = (why: string) =>
      new Problem("UNAVAILABLE", { message: `cannot reach a Central Node at ${host} port ${port}: ${why}` });
    socket.setTimeout(timeoutMs, () => socket.destroy(unreachable(`no answer within ${timeoutMs / 1000} s`)));
    socket.once("error", (error) => reject(error instanceof Problem ? error : unreachable(error.message)));
    socket.once("secureConnect", () => {
      const fault = findChainFault(socket.getPeerCertificate(true), caFingerprint, Date.now());
      if (fault === null) {
        resolve(socket);
        return;
      }
      socket.destroy();
      reject(
        new Problem("UNAUTHORIZED", { message: `the server at ${host} port ${port} is not the token's: ${fault}` }),
      );
    });
  });
}

function findChainFault(leaf: PeerCertificate, caFingerprint: string, wallMs: number): string | null {
  const chain = [...presented(leaf)];
  const ca = chain.slice(1).find(({ raw }) => createHash("sha256").update(raw).digest("hex") === caFingerprint);
  if (ca === undefined) return "it presents no CA with the token's fingerprint";
  const authority = new X509Certificate(ca.raw);
  const certificate = new X509Certificate(leaf.raw);
  if (!authority.ca) return "the certificate with the token's fingerprint is not a CA";
  if (!certificate.checkIssued(authority) || !certificate.verify(authority.publicKey)) {
    return "that CA did not sign its certificate";
  }
  // A host whose clock is behind may still enrol: the token is fresh, and so is the certificate.
  if (certificate.validToDate.getTime() < wallMs) return "its certificate has expired, or this host's clock is ahead";
  const nameFault = checkServerIdentity(centralNodeTlsName, leaf);
  return nameFault === undefined ? null : nameFault.message;
}

/** Leaf first. A self-signed end refers to itself. */
function* presented(leaf: PeerCertificate): Generator<PeerCertificate> {
  const seen = new Set<string>();
  // Node gives each certificate its issuer in `issuerCertificate`, absent where the server presented none.
  for (let at: PeerCertificate | undefined = leaf; at !== undefined && !seen.has(at.fingerprint256); ) {
    seen.add(at.fingerprint256);
    yield at;
    at = (at as PeerCertificate & { issuerCertificate?: PeerCertificate }).issuerCertificate;
  }
}

function post(socket: TLSSocket, body: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const posting = request(
      {
        method: "POST",
        path: enrolPath,
        host: centralNodeTlsName,
        headers: { "content-type": "application/json", "content-length": Buffer.byteLength(body) },
        // The TLS socket that was checked, and no other.
        createConnection: () => socket,
      },
      (response) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        response.on("data", (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > maxReplyBytes) response.destroy(new Error("the answer is too large"));
          chunks.push(chunk);
        });
        response.once("error", reject);
        response.once("end", () => {
          const text = Buffer.concat(chunks).toString("utf8");
          if (response.statusCode !== 200) {
            reject(toProblem(response.statusCode ?? 0, text));
            return;
          }
          try {
            resolve(JSON.parse(text));
          } catch {
            reject(new Problem("UNAVAILABLE", { message: "the answer is not JSON" }));
          }
        });
      },
    );
    posting.once("error", (error) => reject(new Problem("UNAVAILABLE", { message: error.message })));
    posting.end(body);
  });
}

function toProblem(status: number, text: string): Problem {
  const said = text.slice(0, 300);
  if (status === 401 || status === 403) {
    return new Problem("UNAUTHORIZED", {
      message: `the Central Node refused the join token: it is unknown, used up or expired; make a new one (${said})`,
    });
  }
  return new Problem("UNAVAILABLE", { message: `the Central Node answered ${status}: ${said}` });
}
