import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
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
