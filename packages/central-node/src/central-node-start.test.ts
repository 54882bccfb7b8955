import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { connect } from "node:tls";
import { pino } from "pino";
import { createCentralNode } from "./central-node.ts";
import { readConfig } from "./config.ts";

async function holdPort(): Promise<{ port: number; release(): Promise<unknown> }> {
  const holder = createServer();
  await new Promise<void>((resolve) => holder.listen(0, "127.0.0.1", resolve));
  const address = holder.address();
  assert.ok(typeof address === "object" && address !== null);
  return { port: address.port, release: () => new Promise((resolve) => holder.close(resolve)) };
}

test("a Central Node that cannot have its console's port leaves nothing listening, and starts once it can", async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), "cordon-start-"));
  t.after(() => rm(dataDir, { recursive: true, force: true }));
  const [free, taken] = [await holdPort(), await holdPort()];
  await free.release();
  const config = readConfig({
    configFile: undefined,
    environment: {},
    flags: {
      dataDir,
      api: `127.0.0.1:${free.port}`,
      console: `127.0.0.1:${taken.port}`,
      metrics: "127.0.0.1:0",
    },
  });
  const needs = { config, log: pino({ level: "silent" }), now: () => new Date() };

  await assert.rejects(createCentralNode(needs), { code: "EADDRINUSE" });
  await taken.release();
  // The very port that the first one listened on is free again.
  const node = await createCentralNode(needs);
  await node.close();
});

async function startAt(t: TestContext, { port, reusePort }: { port: number; reusePort: boolean }) {
  const dataDir = await mkdtemp(join(tmpdir(), "cordon-start-"));
  t.after(() => rm(dataDir, { recursive: true, force: true }));
  const flags = { dataDir, api: `127.0.0.1:${port}`, console: "127.0.0.1:0", metrics: "127.0.0.1:0" };
  // The listener does not know which database is behind it, and SQLite is the quicker one.
  const config = { ...readConfig({ configFile: undefined, environment: {}, flags }), reusePort };
  const node = await createCentralNode({ config, log: pino({ level: "silent" }), now: () => new Date() });
  let closing: Promise<void> | null = null;
  const close = () => {
    closing ??= node.close();
    return closing;
  };
  t.after(close);
  return { port: Number(new URL(node.api).port), close };
}

async function fingerprintAt(port: number): Promise<string> {
  const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false });
  await once(socket, "secureConnect");
  const { fingerprint256 } = socket.getPeerCertificate();
  socket.destroy();
  return fingerprint256;
}

test("Central Nodes share a port where each says so: all are given connections, and who stays gets those of who ends", async (t) => {
  const first = await startAt(t, { port: 0, reusePort: true });
  const { port } = first;
  await startAt(t, { port, reusePort: true });
  // Each has a server certificate of its own, which tells who answered.
  const seen = async (connections: number) =>
    new Set(await Promise.all(Array.from({ length: connections }, () => fingerprintAt(port)))).size;
  assert.equal(await seen(40), 2);
  await first.close();
  assert.equal(await seen(10), 1);
  await assert.rejects(startAt(t, { port, reusePort: false }), { code: "EADDRINUSE" });
});
