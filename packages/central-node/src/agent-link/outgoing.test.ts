import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import WebSocket, { WebSocketServer } from "ws";
import { createOutgoing } from "./outgoing.ts";

/** More than the kernel takes for a peer that does not read. */
const large = 16 * 1024 * 1024;
const ack = (bytes: number) => ({ type: "ack", reportId: "x".repeat(bytes) }) as const;

async function connect(t: TestContext, bounds: Parameters<typeof createOutgoing>[1] = {}) {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false });
  await once(server, "listening");
  const agent = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`, { perMessageDeflate: false });
  const [socket] = (await once(server, "connection")) as [WebSocket];
  await once(agent, "open");
  t.after(() => {
    agent.terminate();
    socket.terminate();
    server.close();
  });
  const received: number[] = [];
  agent.on("message", (data: Buffer) => received.push(data.length));
  return { agent, socket, received, outgoing: createOutgoing(socket, bounds), closed: once(socket, "close") };
}

test("an agent that stops reading is cut off when a few megabytes wait for it", async (t) => {
  const { agent, socket, outgoing, closed } = await connect(t);
  agent.pause();
  let most = 0;
  for (let count = 0; count < 1000 && socket.readyState === WebSocket.OPEN; count += 1) {
    outgoing.send(ack(100_000));
    most = Math.max(most, socket.bufferedAmount);
    await setImmediate();
  }
  await closed;
  assert.ok(most < 4.3 * 1024 * 1024, `${most} bytes waited`);
});

test("one large message is no reason to cut off an agent, nor are the small ones behind it", async (t) => {
  const { agent, outgoing, received } = await connect(t);
  agent.pause();
  outgoing.send(ack(large));
  outgoing.send(ack(10));
  outgoing.send(ack(10));
  agent.resume();
  while (received.length < 3) await once(agent, "message");
});

test("an agent that does not take a part of a rule is cut off in time, and who waited for it goes on", async (t) => {
  const { agent, outgoing, closed } = await connect(t, { frameWithinMs: 0 });
  await outgoing.sendFrame(Buffer.from("{}"));
  outgoing.cutWhenStuck();
  agent.pause();
  const sent = outgoing.sendFrame(Buffer.alloc(large));
  await setImmediate();
  outgoing.cutWhenStuck();
  await Promise.all([sent, closed]);
});
