import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, get } from "node:https";
import { type AddressInfo, connect as connectTcp, createServer as createTcpServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { setImmediate, setTimeout as waitMs } from "node:timers/promises";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { createAdmission } from "./admission.ts";
import { makeCertificate } from "./test-certificates.ts";

const queuedName = "node.internal";
const { pem, key } = await makeCertificate();

async function start(t: TestContext, limits: { atOnce?: number; maxWaiting?: number; helloWithinMs?: number } = {}) {
  const { atOnce = 1, maxWaiting = 10, ...patience } = limits;
  const inside: TLSSocket[] = [];
  const server = createServer({ cert: pem, key }, (_request, reply) => reply.end("served"));
  server.on("secureConnection", (socket) => inside.push(socket));
  const admission = createAdmission({ server, queuedName, queued: { atOnce, maxWaiting }, ...patience });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const clients: Socket[] = [];
  t.after(async () => {
    for (const client of clients) client.destroy();
    admission.close();
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  });
  const kept = <S extends Socket>(client: S): S => {
    client.on("error", () => {});
    clients.push(client);
    return client;
  };
  return {
    admission,
    server,
    inside,
    agent: () => kept(connectTls({ host: "127.0.0.1", port, servername: queuedName, rejectUnauthorized: false })),
    bare: () => kept(connectTcp({ host: "127.0.0.1", port })),
    /** As an external system asks. */
    async ask(options: object = {}) {
      const asked = get({ host: "127.0.0.1", port, rejectUnauthorized: false, agent: false, ...options });
      const [answer] = await once(asked, "response");
      return (await once(answer.setEncoding("utf8"), "data"))[0];
    },
  };
}

/** Also with an error. */
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once("close", () => resolve()));
}

async function until(holds: () => boolean) {
  const endMs = performance.now() + 10_000;
  while (!holds()) {
    assert.ok(performance.now() < endMs, "it did not come about in 10 s");
    await waitMs(2);
  }
}

test("others are served while those of the queued name wait, and the next of these comes in when one has arrived", async (t) => {
  const { agent, admission, inside, ask } = await start(t);
  await once(agent(), "secureConnect");
  agent();
  agent();
  await until(() => admission.waiting() === 2);
  assert.equal(await ask(), "served");
  assert.equal(await ask({ servername: "soar.example", maxVersion: "TLSv1.2" }), "served");
  const [first] = inside;
  assert.ok(first !== undefined);
  admission.arrived(first);
  await until(() => admission.waiting() === 1 && inside.at(-1)?.servername === queuedName);
});

test("one that comes in and says no more keeps the next out for a second only", async (t) => {
  const { agent } = await start(t);
  await once(agent(), "secureConnect");
  await once(agent(), "secureConnect");
});

test("one that goes away while it waits leaves the line, and one that goes away inside makes room", async (t) => {
  const { agent, admission } = await start(t);
  const first = agent();
  await once(first, "secureConnect");
  const gone = agent();
  const last = agent();
  await until(() => admission.waiting() === 2);
  gone.destroy();
  await until(() => admission.waiting() === 1);
  first.destroy();
  await once(last, "secureConnect");
});

test("above the bound they are cut off without a handshake, and counted", async (t) => {
  const { agent, admission } = await start(t, { maxWaiting: 1 });
  await once(agent(), "secureConnect");
  agent();
  await until(() => admission.waiting() === 1);
  await closed(agent());
  assert.deepEqual([admission.waiting(), admission.shed()], [1, 1]);
});

test("a peer that says nothing, or not all of its hello, is dropped; one that says it in pieces is served", async (t) => {
  const { bare } = await start(t, { helloWithinMs: 100 });
  const silent = bare();
  const halting = bare();
  halting.write(Buffer.from([22, 3, 1, 2, 0, 1, 0]));
  await Promise.all([closed(silent), closed(halting)]);
  const patient = await start(t);
  const port = (patient.server.address() as AddressInfo).port;
  // A proxy that hands the hello on in small pieces.
  const proxy = createTcpServer((client) => {
    const onward = connectTcp({ host: "127.0.0.1", port, noDelay: true }, () => client.on("data", hand));
    client.on("error", () => {}).on("close", () => onward.destroy());
    onward.on("error", () => {}).pipe(client);
    async function hand(bytes: Buffer) {
      client.pause();
      for (let at = 0; at < bytes.length; at += 40) {
        onward.write(bytes.subarray(at, at + 40));
        await setImmediate();
      }
      client.resume();
    }
  });
  proxy.listen(0, "127.0.0.1");
  t.after(() => proxy.close());
  await once(proxy, "listening");
  assert.equal(await patient.ask({ port: (proxy.address() as AddressInfo).port }), "served");
});

test("what is no TLS is answered by the server as ever", async (t) => {
  const { bare, server } = await start(t);
  const refused = once(server, "tlsClientError");
  bare().write("GET / HTTP/1.1\r\n\r\n");
  assert.match(String((await refused)[0]), /http request|wrong version/i);
});

test("closing drops those who wait or are silent, and whoever comes later", async (t) => {
  const { agent, bare, admission } = await start(t);
  await once(agent(), "secureConnect");
  const [waiting, silent] = [agent(), bare()];
  await until(() => admission.waiting() === 1);
  admission.close();
  await Promise.all([closed(waiting), closed(silent)]);
  await closed(agent());
});
