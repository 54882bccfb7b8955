import assert from "node:assert/strict";
import { once } from "node:events";
import { type IncomingMessage, request as requestHttp } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import Fastify from "fastify";
import { askForWantedBodies } from "./wanted-bodies.ts";

const limit = 1000;

async function startApp(t: TestContext): Promise<number> {
  const app = Fastify({ bodyLimit: limit });
  askForWantedBodies(app);
  app.addHook("onRequest", async (request, reply) => {
    if (request.headers.authorization === undefined) return reply.code(401).send({});
  });
  app.post("/", (request) => ({ got: (request.body as string).length }));
  await app.listen({ host: "127.0.0.1", port: 0 });
  t.after(() => app.close());
  return (app.server.address() as AddressInfo).port;
}

/** As curl: sends the body once it is asked for it, and not before. */
async function post(port: number, bytes: number, headers: Record<string, string>) {
  const asked = requestHttp({
    host: "127.0.0.1",
    port,
    method: "POST",
    agent: false,
    headers: { expect: "100-continue", "content-type": "text/plain", "content-length": bytes, ...headers },
  });
  let wasAsked = false;
  asked.on("continue", () => {
    wasAsked = true;
    asked.end("x".repeat(bytes));
  });
  asked.flushHeaders();
  const [answer] = (await once(asked, "response")) as [IncomingMessage];
  const chunks = await answer.toArray();
  asked.destroy();
  return {
    status: answer.statusCode,
    connection: answer.headers.connection,
    wasAsked,
    body: Buffer.concat(chunks).toString(),
  };
}

test("a body that will be read is asked for", async (t) => {
  const { status, wasAsked, body } = await post(await startApp(t), limit, { authorization: "yes" });
  assert.deepEqual([status, wasAsked, body], [200, true, `{"got":${limit}}`]);
});

test("a body that is too long is refused before it is sent, and the connection ends", async (t) => {
  const { status, wasAsked, connection } = await post(await startApp(t), limit + 1, { authorization: "yes" });
  assert.deepEqual([status, wasAsked, connection], [413, false, "close"]);
});

test("the body of who is refused is not asked for, and the connection ends", async (t) => {
  const { status, wasAsked, connection } = await post(await startApp(t), limit, {});
  assert.deepEqual([status, wasAsked, connection], [401, false, "close"]);
});
