/** A Central Node's session and an agent's core, the real ones: whatever is cut, lost or restarted, the rule of now holds. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type AgentMessage, type CentralNodeMessage, closeCodes } from "@cordon/contract";
import fc from "fast-check";
import { readAgentMessage } from "../../packages/central-node/src/agent-link/agent-message.ts";
import { createAgentSession } from "../../packages/central-node/src/agent-link/agent-session.ts";
import { createTransferSlots } from "../../packages/central-node/src/agent-link/transfer-slots.ts";
import { openDatabase } from "../../packages/central-node/src/database/database.ts";
import {
  createTestServices,
  everyCapability,
  sha256,
  silentLog,
  soar,
} from "../../packages/central-node/src/test-services.ts";
import { createAgentCore, createMemoryJournal } from "../../packages/endpoint-agent/src/index.ts";
import { allowAll } from "../../packages/endpoint-agent/src/local-policy.ts";
import { silentLog as silentAgentLog } from "../../packages/endpoint-agent/src/log.ts";
import { createKernelInMemory } from "../../packages/endpoint-agent/src/testing/kernel-in-memory.ts";
import { createManualClock } from "../../packages/endpoint-agent/src/testing/manual-clock.ts";

type Scope = "host" | "all";
type Frame = { to: "node" | "agent"; text: string };

/** `most`: protocols that each side speaks at most. */
async function start(
  t: TestContext | null,
  folder: string,
  most: { node: number; agent: number } = { node: 2, agent: 2 },
) {
  const database = await openDatabase(join(folder, `${randomUUID()}.db`));
  const services = await createTestServices({ database, now: () => new Date() });
  const sensorId = await services.addHost({ capabilities: everyCapability });
  const clock = createManualClock();
  const on = createKernelInMemory(clock);
  const journal = createMemoryJournal();
  const counts = { whole: 0, changes: 0, settings: 0 };
  let core = await startAgent();
  let link: { session: ReturnType<typeof createAgentSession>; open: boolean; frames: Frame[]; parts: number } | null =
    null;

  async function startAgent() {
    const started = createAgentCore({
      journal,
      enforcers: on.startProcess(),
      facts: () => ({ hostName: "h", ipAddresses: [], osFamily: "linux", osName: "x", agentVersion: "0.1.0" }),
      policy: allowAll,
      centralNode: async () => [{ address: "192.0.2.1", port: 443 }],
      clock,
      log: silentAgentLog,
    });
    await started.start();
    return started;
  }

  function toAgent(message: CentralNodeMessage) {
    if (message.type === "prevention-set" && message.part === 0)
      counts[message.base === null ? "whole" : "changes"] += 1;
    if (message.type === "setting") counts.settings += 1;
    core.receive(message);
  }

  /** As an agent of an older protocol would say it. */
  function fromAgent(message: AgentMessage): AgentMessage {
    return message.type === "hello" ? { ...message, protocol: Math.min(message.protocol, most.agent) } : message;
  }

  function connect() {
    const connection = { open: true, frames: [] as Frame[], parts: 0 };
    const session = createAgentSession({
      ...services,
      sensorId,
      renew: () => Promise.reject(new Error("nobody asks")),
      authorities: () => "",
      heartbeatSec: 30,
      send: (message) => void connection.frames.push({ to: "agent", text: JSON.stringify(message) }),
      async sendFrame(frame) {
        connection.frames.push({ to: "agent", text: frame.toString("utf8") });
      },
      slots: createTransferSlots(1),
      outputBudget: { take: () => true },
      close: (code) => {
        connection.open = false;
        session.end();
        core.closed(code);
      },
      checkpoint: () => {},
      log: silentLog,
    });
    link = { ...connection, session };
    const current = link;
    core.opened({
      send: (message) => connection.frames.push({ to: "node", text: JSON.stringify(fromAgent(message)) }) > 0,
      close: (code, why) => assert.fail(`the agent closed: ${code} ${why}`),
    });
    return current;
  }

  /** Lets at most so many frames arrive, and what they lead to happen. */
  async function exchange(frames = Infinity) {
    for (let arrived = 0; link !== null && arrived < frames; arrived += 1) {
      await link.session.idle();
      await core.idle();
      const frame = link.frames.shift();
      if (frame === undefined) return;
      if (frame.to === "agent") {
        toAgent(JSON.parse(frame.text));
      } else {
        const read = readAgentMessage(frame.text);
        assert.ok("message" in read, JSON.stringify(read));
        if (read.message.type === "hello" && read.message.protocol > most.node) {
          // As a Central Node does that never heard of that protocol.
          link = null;
          core.closed(closeCodes.protocol);
          return;
        }
        await link.session.receive(read.message);
      }
    }
  }

  const world = {
    ...services,
    sensorId,
    counts,
    journal,
    kernel: on.kernel,
    core: () => core,
    exchange,
    connect,
    cut() {
      if (link === null) return;
      link.session.end();
      link = null;
      core.closed(1006);
    },
    async restart() {
      world.cut();
      core = await startAgent();
    },
    nudge: () => link?.session.requestSync("settings"),
    async order(scope: Scope, numbers: number[]) {
      const change = { actor: soar, target: scope === "all" ? "all" : sensorId, action: "prevention" };
      // A hash is of one scope or the other.
      const files = numbers.map((number) => ({
        algorithm: "sha256",
        hash: sha256(scope === "all" ? number : number + 1_000_000),
        name: number % 3 === 0 ? `n${numbers.length}` : null,
      }));
      if (files.length === 0) await services.settings.lift(change);
      else await services.settings.set(change, { files });
      world.nudge();
    },
    /** What is ordered, and what the kernel holds. */
    async compare(scope: Scope) {
      const found = await services.settings.findInForce(scope === "all" ? "all" : sensorId, "prevention");
      const wished = (found?.wish as { files: { hash: string; name: string | null }[] } | undefined)?.files ?? [];
      const held = on.kernel.banned.get(scope)?.files ?? [];
      const text = (files: typeof wished) => files.map(({ hash, name }) => `${hash} ${name}`).sort();
      assert.deepEqual(text(held), text(wished));
    },
    async close() {
      world.cut();
      await core.idle();
      await database.close();
    },
  };
  t?.after(() => world.close());
  return world;
}

function newFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "cordon-distribution-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test("whatever is cut, restarted or changed in whatever moment, in the end the rules of now hold on the host", async (t) => {
  const folder = newFolder(t);
  const step = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constant("order" as const),
        scope: fc.constantFrom<Scope>("host", "all"),
        // Now and then more than one part holds.
        numbers: fc.oneof(
          { weight: 8, arbitrary: fc.uniqueArray(fc.nat({ max: 12 }), { maxLength: 8 }) },
          { weight: 1, arbitrary: fc.constant(Array.from({ length: 5_003 }, (_, number) => number)) },
        ),
      }),
    },
    { weight: 5, arbitrary: fc.record({ kind: fc.constant("exchange" as const), frames: fc.nat({ max: 6 }) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("cut" as const, "restart" as const) }) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
      const world = await start(null, folder);
      try {
        world.connect();
        for (const taken of steps) {
          if (taken.kind === "order") await world.order(taken.scope, taken.numbers);
          else if (taken.kind === "exchange") await world.exchange(taken.frames);
          else {
            if (taken.kind === "cut") world.cut();
            else await world.restart();
            world.connect();
          }
        }
        await world.exchange();
        for (const scope of ["host", "all"] as const) await world.compare(scope);
      } finally {
        await world.close();
      }
    }),
    { numRuns: 60 },
  );
});

test("after the first time only what changed travels, also over cuts and restarts of either side", async (t) => {
  const world = await start(t, newFolder(t));
  world.connect();
  for (let round = 1; round <= 10; round += 1) {
    await world.order("all", [round, 100, 200]);
    await world.exchange();
    if (round % 2 === 0) world.cut();
    else if (round % 3 === 0) await world.restart();
    world.connect();
    await world.exchange();
    await world.compare("all");
  }
  assert.deepEqual(world.counts, { whole: 1, changes: 9, settings: 0 });
});

test("an older agent with a newer Central Node follows by whole rules", async (t) => {
  const world = await start(t, newFolder(t), { node: 2, agent: 1 });
  world.connect();
  for (const numbers of [[1, 2], [2, 3], [], [4]]) {
    await world.order("all", numbers);
    await world.exchange();
    await world.compare("all");
  }
  assert.deepEqual(world.counts, { whole: 0, changes: 0, settings: 4 });
});

test("a newer agent with an older Central Node comes back in the older protocol, and follows by whole rules", async (t) => {
  const world = await start(t, newFolder(t), { node: 1, agent: 2 });
  world.connect();
  await world.exchange();
  world.connect();
  for (const numbers of [[1, 2], [2, 3], [], [4]]) {
    await world.order("all", numbers);
    await world.exchange();
    await world.compare("all");
  }
  assert.deepEqual(world.counts, { whole: 0, changes: 0, settings: 4 });
});

test("a rule that was damaged on the host is noticed at the next change, and made whole", async (t) => {
  const world = await start(t, newFolder(t));
  world.connect();
  await world.order("all", [1, 2, 3]);
  await world.exchange();
  world.journal.prevention.replace("all", [{ hash: sha256(1), name: null }]);
  await world.order("all", [1, 2, 3, 4]);
  await world.exchange();
  await world.compare("all");
  assert.deepEqual(world.counts, { whole: 2, changes: 1, settings: 0 });
});
