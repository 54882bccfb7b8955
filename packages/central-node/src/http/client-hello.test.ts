import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { test } from "node:test";
import { connect } from "node:tls";
import fc from "fast-check";
import { maxClientHelloBytes, readClientHello } from "./client-hello.ts";

/** What Node's own client says first. */
async function captureHello(options: { servername?: string; maxVersion?: "TLSv1.2"; ALPNProtocols?: string[] }) {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const client = connect({ host: "127.0.0.1", port, rejectUnauthorized: false, ...options }).on("error", () => {});
  const [socket] = (await once(server, "connection")) as [Socket];
  const [bytes] = (await once(socket, "data")) as [Buffer];
  client.destroy();
  socket.destroy();
  server.close();
  return bytes;
}

const named = await captureHello({ servername: "Central-Node.cordon.internal" });
const nameless = await captureHello({});
const old = await captureHello({ servername: "soar.example", maxVersion: "TLSv1.2" });
const hello = (serverName: string | null) => ({ kind: "hello", serverName });

/** The same message in records of so many bytes. */
function inRecordsOf(bytes: Buffer, size: number): Buffer {
  const message = bytes.subarray(5);
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += size) {
    const part = message.subarray(at, at + size);
    records.push(Buffer.from([22, 3, 1, part.length >> 8, part.length & 255]), part);
  }
  return Buffer.concat(records);
}

test("the TLS name that a client asks for is read, in lower case, of TLS 1.3 and 1.2", () => {
  assert.deepEqual(readClientHello(named), hello("central-node.cordon.internal"));
  assert.deepEqual(readClientHello(old), hello("soar.example"));
});

test("a client that asks for no name is told from one that has not said enough yet", () => {
  assert.deepEqual(readClientHello(nameless), hello(null));
  for (let length = 0; length < named.length; length += 1) {
    assert.deepEqual(readClientHello(named.subarray(0, length)), { kind: "wanting" });
  }
});

test("a hello in many small records is read like one in one", () => {
  for (const size of [1, 3, 4, 100]) {
    assert.deepEqual(readClientHello(inRecordsOf(named, size)), hello("central-node.cordon.internal"));
  }
});

test("what is no ClientHello is not waited for", () => {
  for (const bytes of [
    Buffer.from("GET / HTTP/1.1\r\n\r\n"),
    Buffer.from([21, 3, 3, 0, 2, 1, 0]),
    Buffer.from([22, 3, 1, 0, 4, 2, 0, 0, 0]),
    Buffer.from([22, 3, 1, 0, 0]),
    Buffer.from([22, 3, 1, 0, 4, 1, 255, 255, 255]),
    Buffer.alloc(20_000, Buffer.from([22, 3, 1, 0, 1, 1])),
  ]) {
    assert.deepEqual(readClientHello(bytes), { kind: "other" });
  }
});

test("whatever comes is read without an error, and never waited for beyond the bound", () => {
  const mangled = fc
    .tuple(
      fc.constantFrom(named, nameless, old, inRecordsOf(named, 40)),
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 8 }),
      fc.uint8Array({ maxLength: 64 }),
    )
    .map(([from, changes, tail]) => {
      const bytes = Buffer.concat([from, tail]);
      for (const [at, value] of changes) bytes[at % bytes.length] = value;
      return bytes;
    });
  const noise = fc.uint8Array({ maxLength: 2000 }).map((bytes) => Buffer.from(bytes));
  const header = Buffer.from([22, 3, 1, 2, 0, 1, 0, 1, 252]);
  const noiseInside = noise.map((bytes) => Buffer.concat([header, bytes]));
  fc.assert(
    fc.property(fc.oneof(mangled, noise, noiseInside), (bytes) => {
      const read = readClientHello(bytes);
      assert.ok(["wanting", "other", "hello"].includes(read.kind));
    }),
    { numRuns: 2000 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ minLength: maxClientHelloBytes + 1, maxLength: maxClientHelloBytes + 9 }), (bytes) => {
      bytes.set([22, 3, 1]);
      assert.notEqual(readClientHello(Buffer.from(bytes)).kind, "wanting");
    }),
    { numRuns: 50 },
  );
});
