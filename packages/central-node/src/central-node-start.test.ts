import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pino } from "pino";
import { createCentralNode } from "./central-node.ts";
import { readConfig } from "./config.ts";

test("a Central Node that cannot have its console's port leaves nothing listening, and starts once it can", async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), "cordon-start-"));
  t.after(() => rm(dataDir, { recursive: true, force: true }));
  const holder = createServer();
  await new Promise<void>((resolve) => holder.listen(0, "127.0.0.1", resolve));
  const address = holder.address();
  assert.ok(typeof address === "object" && address !== null);
  const config = (console: string) =>
    readConfig({
      configFile: undefined,
      environment: {},
      flags: { dataDir, api: "127.0.0.1:0", console, metrics: "127.0.0.1:0" },
    });
  const needs = { log: pino({ level: "silent" }), now: () => new Date() };

  const before = process.getActiveResourcesInfo().filter((kind) => kind === "TCPServerWrap").length;
  await assert.rejects(createCentralNode({ ...needs, config: config(`127.0.0.1:${address.port}`) }), {
    code: "EADDRINUSE",
  });
  assert.equal(process.getActiveResourcesInfo().filter((kind) => kind === "TCPServerWrap").length, before);

  await new Promise((resolve) => holder.close(resolve));
  const node = await createCentralNode({ ...needs, config: config(`127.0.0.1:${address.port}`) });
  await node.close();
});
