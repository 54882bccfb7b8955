/** For tests: a real TLS server with real certificates that gives the answers it was told, and remembers what it was asked. */
import type { webcrypto } from "node:crypto";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import type { TLSSocket } from "node:tls";
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { fingerprintOfDer } from "./identity.ts";

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

export type Issued = { certificate: x509.X509Certificate; keys: webcrypto.CryptoKeyPair; pem: string; keyPem: string };

/** Self-signed without `issuer`. `names`: DNS names and addresses. */
export async function issue(options: {
  subject: string;
  issuer?: Issued;
  authority?: boolean;
  names?: x509.JsonGeneralName[];
  usage?: "server" | "client";
  notAfter?: Date;
}): Promise<Issued> {
  const { subject, issuer, authority = false, names = [], usage = "server", notAfter } = options;
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const extensions: x509.Extension[] = [new x509.BasicConstraintsExtension(authority, undefined, true)];
  if (names.length > 0) extensions.push(new x509.SubjectAlternativeNameExtension(names));
  if (!authority) extensions.push(new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage[`${usage}Auth`]]));
  const certificate = await x509.X509CertificateGenerator.create({
    subject: `CN=${subject}`,
    issuer: issuer?.certificate.subject ?? `CN=${subject}`,
    publicKey: keys.publicKey,
    signingKey: (issuer?.keys ?? keys).privateKey,
    notBefore: new Date("2020-01-01"),
    notAfter: notAfter ?? new Date("2100-01-01"),
    signingAlgorithm: algorithm,
    extensions,
  });
  const keyPem = x509.PemConverter.encode(await crypto.subtle.exportKey("pkcs8", keys.privateKey), "PRIVATE KEY");
  return { certificate, keys, pem: `${certificate.toString("pem")}\n`, keyPem };
}

export type Asked = { method: string; path: string; body: unknown; fingerprint: string | null };
/** An answer; `"hang up"` closes the connection without one. */
export type Reply = { status: number; body: unknown } | "hang up";

/**
 * `replies`: by `METHOD path` (below the external system's ID, with query); the last of a list is given again and again.
 * What is not listed is 404.
 */
export async function startRecordedCentralNode(options: {
  replies: Record<string, Reply[]>;
  /** Its own certificate first. */
  chain: Issued[];
  /** By default a free one. */
  port?: number;
}) {
  const asked: Asked[] = [];
  const replies = new Map(Object.entries(options.replies).map(([key, list]) => [key, [...list]]));
  const [own] = options.chain;
  const tls = {
    cert: options.chain.map(({ pem }) => pem).join(""),
    ...(own === undefined ? {} : { key: own.keyPem }),
    requestCert: true,
    rejectUnauthorized: false,
  };
  const server = createServer(tls, async (incoming, outgoing) => {
    const method = incoming.method ?? "";
    const path = (incoming.url ?? "").replace(/^\/kata\/response_api\/v1\/[^/]+/, "");
    const content = await text(incoming);
    const peer = (incoming.socket as TLSSocket).getPeerCertificate();
    asked.push({
      method,
      path,
      body: content === "" ? undefined : JSON.parse(content),
      fingerprint: peer.raw === undefined ? null : fingerprintOfDer(peer.raw),
    });
    const list = replies.get(`${method} ${path}`);
    const reply = (list !== undefined && list.length > 1 ? list.shift() : list?.[0]) ?? {
      status: 404,
      body: { error: "Not Found" },
    };
    if (reply === "hang up") return outgoing.destroy();
    const isText = typeof reply.body === "string";
    outgoing.writeHead(reply.status, { "content-type": isText ? "text/html" : "application/json" });
    return outgoing.end(isText ? reply.body : JSON.stringify(reply.body));
  });
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, "127.0.0.1", resolve));
  // A TCP server's address is never a path.
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `https://127.0.0.1:${port}`,
    asked,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
