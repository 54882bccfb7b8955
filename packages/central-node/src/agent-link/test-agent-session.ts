/** A session of an agent without its socket, on the slices of a test's database. For tests only. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { TestContext } from "node:test";
import type { CentralNodeMessage, Hello } from "@cordon/contract";
import { testDatabases } from "../database/test-databases.ts";
import {
  createTestClock,
  createTestServices,
  everyCapability,
  facts,
  silentLog,
  soar,
  type TestServices,
  uptime,
} from "../test-services.ts";
import { createAgentSession } from "./agent-session.ts";
import { createTransferSlots } from "./transfer-slots.ts";

const [sqlite] = testDatabases;
export const at = "2026-11-24T10:00:00.000Z";

export async function start(t: TestContext) {
  assert.ok(sqlite);
  const clock = createTestClock();
  const services = await createTestServices({ database: await sqlite.open(t), now: clock.now });
  const host = await services.addHost({ capabilities: everyCapability });
  const isolation = { actor: soar, target: host, action: "network-isolation" };
  return {
    clock,
    host,
    isolation,
    ...services,
    connect: (changes: Partial<Parameters<typeof createAgentSession>[0]> = {}) => connect(services, host, changes),
    order: async () =>
      (
        await services.tasks.create({
          actor: soar,
          taskId: randomUUID(),
          sensorId: host,
          action: "run-process",
          parameters: uptime,
          startNow: true,
        })
      ).taskId,
  };
}

/** A session without its socket: what it sends and why it closes is collected. */
function connect(
  services: TestServices,
  sensorId: string,
  changes: Partial<Parameters<typeof createAgentSession>[0]> = {},
) {
  const sent: CentralNodeMessage[] = [];
  const closes: { code: number; why: string }[] = [];
  const session = createAgentSession({
    sensorId,
    ...services,
    renew: async (request) => `certificate for ${request}`,
    authorities: () => "authorities",
    heartbeatSec: 30,
    send: (message) => sent.push(message),
    sendFrame: async (frame) => void sent.push(JSON.parse(frame.toString("utf8"))),
    slots: createTransferSlots(4),
    outputBudget: { take: () => true },
    close(code, why) {
      closes.push({ code, why });
      session.end();
    },
    checkpoint: () => {},
    log: silentLog,
    ...changes,
  });
  return {
    session,
    closes,
    async hello(more: Partial<Hello> = {}) {
      await session.receive({
        type: "hello",
        protocol: 1,
        facts: facts(),
        journalId: "99999999-9999-4999-8999-999999999999",
        lineage: null,
        settings: [],
        ...more,
      });
      await session.idle();
    },
    async receive(message: Parameters<typeof session.receive>[0]) {
      await session.receive(message);
      await session.idle();
    },
    async sync(about: "settings" | "tasks") {
      session.requestSync(about);
      await session.idle();
    },
    async offer() {
      session.offer(await services.settings.readOrdersOfAll());
      await session.idle();
    },
    /** What was sent since the last look. */
    take: () => sent.splice(0),
  };
}

export const brief = (messages: CentralNodeMessage[]) =>
  messages.map((message) => {
    if (message.type === "setting")
      return `${message.action} ${message.generation}${message.wish === null ? " lifted" : ""}`;
    return message.type === "task" || message.type === "task-cancel"
      ? `${message.type} ${message.taskId}`
      : message.type;
  });
