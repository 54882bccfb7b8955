/** A Central Node's session and an agent's core, the real ones, on a channel that loses, delays and repeats. */
import { randomUUID } from "node:crypto";
import type { CentralNodeMessage } from "@cordon/contract";
import { readAgentMessage } from "../../packages/central-node/src/agent-link/agent-message.ts";
import { createAgentSession } from "../../packages/central-node/src/agent-link/agent-session.ts";
import { createTransferSlots } from "../../packages/central-node/src/agent-link/transfer-slots.ts";
import type { Database } from "../../packages/central-node/src/database/database.ts";
import {
  createTestServices,
  silentLog,
  soar,
  type TestServices,
} from "../../packages/central-node/src/test-services.ts";
import { createReconcileHost } from "./reconcile-host.ts";

export type World = Awaited<ReturnType<typeof createWorld>>;
export type Order = { number: number; lifetimeSec: number; atMs: number; nodeSkewMs: number };

type Connection = {
  session: ReturnType<typeof createAgentSession>;
  toNode: string[];
  toAgent: { frame: string; sentAtMs: number }[];
  agentSide: boolean;
  nodeSide: boolean;
};

const epochMs = Date.UTC(2026, 10, 24);
/** Two heartbeats without an answer, and an agent takes its link for dead: nothing older comes out of it. */
const linkDeadAfterMs = 60_000;

export async function createWorld(database: Database) {
  const wrong: string[] = [];
  let [realMs, nodeSkewMs, nodeSkewLowestMs] = [0, 0, 0];
  const now = () => new Date(epochMs + realMs + nodeSkewMs);
  const host = createReconcileHost(
    () => realMs,
    (what) => wrong.push(what),
  );
  const connections: Connection[] = [];
  const isolations: Order[] = [];
  const tasks: { taskId: string; program: string; startNow: boolean; givenUp: boolean; mustNotStart: boolean }[] = [];
  const happened = { nodeJumps: 0, agentBackMs: 0, kills: 0, reboots: 0 };
  let current: Connection | null = null;
  let loseNudges = false;

  let services: TestServices = await startServices();
  const sensorId = await services.addHost({ capabilities: [] });
  await host.startAgent();

  host.onIsolated = (lifetimeSec, endsAtMs) => {
    const order = isolations.find((one) => one.lifetimeSec === lifetimeSec);
    if (order === undefined) {
      wrong.push("an isolation that nobody ordered");
      return;
    }
    // What a clock that was set back can add, and no more; the agent rounds up to whole seconds.
    const nodeClockMs = Math.max(0, order.nodeSkewMs - nodeSkewLowestMs);
    const agentClockMs = happened.reboots > 0 ? happened.agentBackMs : 0;
    const latestMs = order.atMs + lifetimeSec * 1000 + nodeClockMs + agentClockMs + linkDeadAfterMs + 1000;
    if (endsAtMs > latestMs) wrong.push(`isolation ${order.number} would last ${endsAtMs - latestMs} ms too long`);
  };

  function startServices(): Promise<TestServices> {
    return createTestServices({
      database,
      now,
      onNudge({ target, about }) {
        if (!loseNudges && target === sensorId && about !== "removal") current?.session.requestSync(about);
      },
    });
  }

  const world = {
    wrong,
    host,
    isolations,
    tasks,
    happened,
    sensorId,
    realMs: () => realMs,
    services: () => services,
    now,

    async isolate(nudge: boolean) {
      const number = isolations.length + 1;
      // Each has a lifetime of its own, by which it is known again in the kernel.
      const lifetimeSec = 3600 + number;
      isolations.push({ number, lifetimeSec, atMs: realMs, nodeSkewMs });
      loseNudges = !nudge;
      const wish = { autoTurnoffTimeoutInSec: lifetimeSec, exclusions: [] };
      await services.settings.set({ actor: soar, target: sensorId, action: "network-isolation" }, wish);
    },
    async lift(nudge: boolean) {
      loseNudges = !nudge;
      await services.settings.lift({ actor: soar, target: sensorId, action: "network-isolation" });
    },
    async createTask({ quick, startNow, nudge }: { quick: boolean; startNow: boolean; nudge: boolean }) {
      loseNudges = !nudge;
      const taskId = randomUUID();
      const program = `${quick ? "quick" : "slow"}-${tasks.length}`;
      tasks.push({ taskId, program, startNow, givenUp: false, mustNotStart: false });
      const parameters = { program, commandLine: null, workingDirectory: null };
      await services.tasks.create({ actor: soar, taskId, sensorId, action: "run-process", parameters, startNow });
    },
    async changeTask({ at, verb, nudge }: { at: number; verb: "start" | "cancel" | "delete"; nudge: boolean }) {
      const task = tasks[at % Math.max(1, tasks.length)];
      if (task === undefined) return;
      loseNudges = !nudge;
      if (verb === "start") task.startNow = true;
      else task.givenUp = true;
      // Deleted already, or ended: refused, as it should be.
      await services.tasks[verb](soar, task.taskId).catch(() => {});
      const { state } = await world.readTask(task.taskId);
      // Said to be cancelled, to whoever asked: from here on that must be true.
      if (state === "cancelled" && host.startsOf(task.program) === 0) task.mustNotStart = true;
    },

    /** Also of a deleted one. */
    readTask: (taskId: string) =>
      database.read
        .selectFrom("tasks")
        .select(["state", "reason", "finished_at"])
        .where("task_id", "=", taskId)
        .executeTakeFirstOrThrow(),

    connect() {
      const core = host.core();
      if (core === null) return;
      if (current?.agentSide) world.cut("agent");
      const connection = open();
      connections.push(connection);
      current = connection;
      core.opened({
        send(message) {
          if (connection.agentSide && connection.nodeSide) connection.toNode.push(JSON.stringify(message));
          return true;
        },
        close: () => world.cut("agent"),
      });
    },
    /** One side finds the connection broken; what was under way to it is lost, the other side may still hear the rest. */
    cut(side: "agent" | "node") {
      if (current === null) return;
      if (side === "node") return endNodeSide(current);
      if (!current.agentSide) return;
      current.agentSide = false;
      current.toAgent.length = 0;
      host.core()?.closed();
    },
    /** `which` 0: the newest connection, 1: the one before, … */
    toNode({ which, count }: { which: number; count: number }) {
      const connection = connections.at(-1 - which);
      if (connection === undefined || !connection.nodeSide) return;
      for (const frame of connection.toNode.splice(0, count)) {
        const read = readAgentMessage(frame);
        if ("message" in read) void connection.session.receive(read.message);
        else wrong.push(`the agent sent ${read.fault}`);
      }
    },
    toAgent(count: number) {
      if (!current?.agentSide) return;
      for (const { frame } of current.toAgent.splice(0, count)) host.core()?.receive(JSON.parse(frame));
    },
    /** What the agent said on connections that it has given up, and the node hears only now. */
    late() {
      for (let which = connections.length - 1; which > 0; which--) world.toNode({ which, count: 100 });
    },
    /** The agent connects and hears all that is due for it; what it says of that is still on its way. */
    async hear() {
      world.connect();
      await world.settle();
      world.toNode({ which: 0, count: 1 });
      await world.settle();
      world.toAgent(100);
    },
    async kill(reboot: boolean) {
      await world.settle();
      world.cut("agent");
      if (reboot) host.reboot();
      else host.killAgent();
      happened.kills += 1;
      if (reboot) happened.reboots += 1;
    },
    async start() {
      if (host.core() === null) await host.startAgent();
    },
    async restartNode() {
      await world.settle();
      for (const connection of connections) endNodeSide(connection);
      services = await startServices();
    },
    jumpNode(ms: number) {
      nodeSkewMs += ms;
      nodeSkewLowestMs = Math.min(nodeSkewLowestMs, nodeSkewMs);
      happened.nodeJumps += 1;
    },
    jumpAgent(ms: number) {
      host.jumpClock(ms);
      happened.agentBackMs += Math.max(0, -ms);
    },
    /** Lets time pass; each of the agent's timers runs when it is due. */
    async pass(ms: number) {
      const end = realMs + ms;
      const { hold } = host;
      // A call of an enforcer takes seconds, not hours: what it was told of the time left holds only so long.
      host.hold = "none";
      host.release();
      await world.settle();
      while (host.nextTimerMs() <= end) {
        realMs = Math.max(realMs, host.nextTimerMs());
        host.runDueTimer();
        await world.settle();
      }
      realMs = end;
      host.hold = hold;
      const oldest = current?.toAgent[0];
      if (oldest !== undefined && realMs - oldest.sentAtMs > linkDeadAfterMs) world.cut("agent");
    },
    /** Until nothing happens any more by itself. */
    async settle() {
      for (const { session } of connections) await session.idle();
      // The agent's work goes on in microtasks alone, as its journal and its enforcers are in memory.
      for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
      for (const { session } of connections) await session.idle();
    },
    /** Carries everything over the newest connection, both ways, until nothing is left to say. */
    async exchange() {
      await world.settle();
      for (let round = 0; current !== null && current.toNode.length + current.toAgent.length > 0; round++) {
        if (round > 200) throw new Error("the two never stop talking");
        world.toNode({ which: 0, count: 100 });
        world.toAgent(100);
        await world.settle();
      }
    },
  };

  function open(): Connection {
    const connection: Connection = {
      toNode: [],
      toAgent: [],
      agentSide: true,
      nodeSide: true,
      session: createAgentSession({
        sensorId,
        hosts: services.hosts,
        settings: services.settings,
        tasks: services.tasks,
        blocks: services.blocks,
        renew: () => Promise.reject(new Error("nobody asks")),
        lineage: services.lineage,
        authorities: () => "",
        heartbeatSec: 30,
        send(message: CentralNodeMessage) {
          if (connection.agentSide) connection.toAgent.push({ frame: JSON.stringify(message), sentAtMs: realMs });
        },
        async sendFrame(frame) {
          if (connection.agentSide) connection.toAgent.push({ frame: frame.toString("utf8"), sentAtMs: realMs });
        },
        slots: createTransferSlots(1),
        outputBudget: { take: () => true },
        close: (code, why) => {
          wrong.push(`the node closed: ${code} ${why}`);
          endNodeSide(connection);
        },
        checkpoint: () => {},
        log: silentLog,
      }),
    };
    return connection;
  }

  return world;
}

function endNodeSide(connection: Connection) {
  connection.session.end();
  connection.nodeSide = false;
  connection.toNode.length = 0;
}
