import assert from "node:assert/strict";
import { once } from "node:events";
import {
  createServer as createHttpServer,
  type IncomingMessage,
  request as requestHttp,
  type ServerResponse,
} from "node:http";
import { createServer as createHttpsServer, request as requestHttps } from "node:https";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { forgetPeer, type Peer, peerOf } from "./peer.ts";
import { makeCertificate } from "./test-certificates.ts";

async function peersSeen(t: TestContext, listenOn: string, asks: ((port: number) => Promise<void>)[]) {
  const { pem, key } = await makeCertificate();
  const seen: Peer[] = [];
  const server = createHttpsServer(
    { cert: pem, key, requestCert: true, rejectUnauthorized: false },
    (request, reply) => {
      seen.push(peerOf(request));
      // The same object each time: a certificate is parsed once a connection.
      assert.equal(peerOf(request), seen.at(-1));
      reply.end();
    },
  );
  server.listen(0, listenOn);
  await once(server, "listening");
  t.after(() => server.close());
  for (const ask of asks) await ask((server.address() as AddressInfo).port);
  return seen;
}

async function ask(host: string, port: number, client: object = {}) {
  const asked = requestHttps({ host, port, rejectUnauthorized: false, agent: false, ...client });
  asked.end();
  const [answer] = (await once(asked, "response")) as [IncomingMessage];
  answer.resume();
  await once(answer, "end");
}

test("a client is known by the certificate that it shows, also a self-signed one, and one without is known to have none", async (t) => {
  const client = await makeCertificate({ commonName: "a SOAR" });
  const [withOne, without] = await peersSeen(t, "127.0.0.1", [
    (port) => ask("127.0.0.1", port, { cert: client.pem, key: client.key }),
    (port) => ask("127.0.0.1", port),
  ]);
  assert.equal(withOne?.certificate?.fingerprint256, client.certificate.fingerprint256);
  assert.equal(without?.certificate, null);
});

test("an IPv4 address is dotted, also where the listener takes IPv6 as well", async (t) => {
  const [four, six] = await peersSeen(t, "::", [(port) => ask("127.0.0.1", port), (port) => ask("::1", port)]);
  assert.deepEqual([four?.address, six?.address], ["127.0.0.1", "::1"]);
});

test("without TLS there is no certificate", async (t) => {
  let seen: Peer | null = null;
  const server = createHttpServer((request, reply) => {
    seen = peerOf(request);
    reply.end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const asked = requestHttp({ host: "127.0.0.1", port: (server.address() as AddressInfo).port, agent: false });
  asked.end();
  await once(asked, "response");
  assert.deepEqual(seen, { certificate: null, address: "127.0.0.1" });
});

test("what a connection was known by can be forgotten, and is read anew when it is asked for", async (t) => {
  const client = await makeCertificate({ commonName: "an agent" });
  const { pem, key } = await makeCertificate();
  const server = createHttpsServer({ cert: pem, key, requestCert: true, rejectUnauthorized: false });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const asking = ask("127.0.0.1", (server.address() as AddressInfo).port, { cert: client.pem, key: client.key });
  const [request, reply] = (await once(server, "request")) as [IncomingMessage, ServerResponse];
  const before = peerOf(request);
  assert.equal(peerOf(request), before);
  forgetPeer(request);
  assert.notEqual(peerOf(request), before);
  assert.equal(peerOf(request).certificate?.fingerprint256, client.certificate.fingerprint256);
  reply.end();
  await asking;
});
