import {
  type AgentMessage,
  agentProtocolVersion,
  type CentralNodeMessage,
  closeCodes,
  type Hello,
  Problem,
} from "@cordon/contract";
import type { Logger } from "pino";
import type { BlockService } from "../blocks/block-service.ts";
import type { HostService } from "../hosts/host-service.ts";
import type { OrdersOfAll } from "../settings/due-settings.ts";
import type { SettingService } from "../settings/setting-service.ts";
import { keyOf } from "../settings/setting-state.ts";
import type { TaskService } from "../tasks/task-service.ts";
import { createPreventionDelivery } from "./prevention-delivery.ts";
import type { TransferSlots } from "./transfer-slots.ts";

/** Tasks handed to one agent and not ended: enough to keep it busy, few enough that an isolation is never behind many. */
const maxTasksHeld = 16;
/** The first protocol in which prevention rules travel as sets. */
const setsSince = 2;

export type AgentSession = ReturnType<typeof createAgentSession>;

/**
 * One host's conversation, without its socket: messages go in by `receive`, out by `send`. What is due is read from the
 * database each time; the session keeps only what it has sent on this connection.
 */
export function createAgentSession({
  sensorId,
  hosts,
  settings,
  tasks,
  blocks,
  renew,
  lineage,
  authorities,
  heartbeatSec,
  send,
  sendFrame,
  slots,
  outputBudget,
  close,
  checkpoint,
  log,
}: {
  sensorId: string;
  hosts: Pick<HostService, "find" | "updateFacts" | "recordHello" | "recordContact">;
  settings: Pick<SettingService, "readDue" | "listDueSets" | "readSet" | "isKnown" | "recordReport">;
  tasks: Pick<
    TaskService,
    "hasUnfinished" | "takeForDelivery" | "listToCancel" | "recordReport" | "recordOutput" | "failInFlight"
  >;
  blocks: Pick<BlockService, "record">;
  /** Issues a certificate for this host's request, PEM. */
  renew(certificateRequest: string): Promise<string>;
  lineage: string;
  /** PEM of the CAs that agents trust. */
  authorities(): string;
  heartbeatSec: number;
  send(message: CentralNodeMessage): void;
  /** As `send`, of a message that is JSON already. Resolves once it is handed to the network, or will never be. */
  sendFrame(frame: Buffer): Promise<void>;
  slots: TransferSlots;
  /** For what programs print while they run, of all hosts together: each is written, and few are looked at. */
  outputBudget: { take(): boolean };
  close(code: number, why: string): void;
  checkpoint: (name: string) => void;
  log: Logger;
}) {
  /** Generations that the agent has or was sent, by `keyOf`. */
  const known = new Map<string, number>();
  /** Tasks sent on this connection and not ended, and those it was asked to give up. */
  const held = new Set<string>();
  const cancelsSent = new Set<string>();
  const delivery = createPreventionDelivery({ sensorId, hosts, settings, known, sendFrame, slots, log });
  let journalId = "";
  let capabilities: readonly string[] = [];
  let protocol = 1;
  let welcomed = false;
  let closed = false;
  const wanted = { settings: false, tasks: false };
  let syncing: Promise<void> | null = null;
  /** Messages are taken one after the other: a report must not overtake the hello it follows. */
  let receiving: Promise<void> = Promise.resolve();

  async function take(message: AgentMessage): Promise<void> {
    if (message.type === "hello") return welcome(message);
    if (!welcomed) return close(closeCodes.protocol, "the first message must be a hello");
    switch (message.type) {
      case "facts":
        await hosts.updateFacts(sensorId, message.facts);
        capabilities = message.facts.capabilities;
        // A host that can do more now gets what was ordered before it could.
        return requestSync("settings");
      case "setting-report":
        await settings.recordReport(sensorId, message, journalId);
        checkpoint("report-stored");
        return send({ type: "ack", reportId: message.reportId });
      case "task-report": {
        const state = await tasks.recordReport(sensorId, message);
        checkpoint("report-stored");
        send({ type: "ack", reportId: message.reportId });
        if (state !== "waiting" && state !== "running" && held.delete(message.taskId)) requestSync("tasks");
        return;
      }
      case "task-output":
        return outputBudget.take() ? tasks.recordOutput(sensorId, message) : undefined;
      case "prevention-set-request":
        return delivery.request(message.scope);
      case "block-report":
        await blocks.record(sensorId, message, journalId);
        checkpoint("report-stored");
        return send({ type: "ack", reportId: message.reportId });
      case "renew":
        return send({ type: "renewed", certificate: await renew(message.certificateRequest) });
    }
  }

  async function welcome(hello: Hello): Promise<void> {
    // A newer agent knows what the older ones said.
    protocol = Math.min(hello.protocol, agentProtocolVersion);
    journalId = hello.journalId;
    capabilities = hello.facts.capabilities;
    await hosts.recordHello(sensorId, hello, (tx) => tasks.failInFlight(tx, sensorId));
    send({ type: "welcome", protocol, sensorId, lineage, heartbeatSec, authorities: authorities() });
    known.clear();
    held.clear();
    cancelsSent.clear();
    for (const { action, scope, generation } of hello.settings) {
      if (hello.lineage === lineage) {
        known.set(keyOf(action, scope), generation);
      } else if (!(await settings.isKnown(sensorId, action, scope))) {
        // What another history of the database ordered and this one does not know is lifted, by name.
        send({ type: "setting", action, scope, generation: 0, wish: null });
      }
    }
    welcomed = true;
    requestSync("settings");
    requestSync("tasks");
  }

  function requestSync(about: "settings" | "tasks"): void {
    if (!welcomed || closed) return;
    wanted[about] = true;
    syncing ??= sync();
  }

  function offer(orders: OrdersOfAll): void {
    if (!welcomed || closed) return;
    // One that is being looked after reads the newest itself; an older agent gets its rules another way.
    if (syncing !== null || protocol < setsSince) {
      requestSync("settings");
      return;
    }
    for (const { action, generation, inForce } of orders.heads) {
      const key = keyOf(action, "all");
      const has = known.get(key);
      if (has === undefined && !capabilities.includes(action)) continue;
      // What was read for all may be older than what this one was sent meanwhile.
      if (has !== undefined && has >= generation) continue;
      if (inForce && action === "prevention") delivery.offer(orders);
      else requestSync("settings");
    }
  }

  async function sync(): Promise<void> {
    // In a later turn: `syncing` is set by then.
    await null;
    try {
      while (!closed && (wanted.settings || wanted.tasks)) {
        // Settings first, each time round: an isolation that comes while tasks are sent is next.
        if (wanted.settings) {
          wanted.settings = false;
          await sendSettings();
        } else {
          wanted.tasks = false;
          await sendTasks();
        }
      }
    } catch (error) {
      // The sweep asks again; a database that is down now must not cost the connection.
      log.warn({ err: error, sensorId }, "could not look up what is due for a host");
    } finally {
      // In the turn that found nothing wanted: whatever is wanted from now on starts a look of its own.
      syncing = null;
    }
  }

  async function sendSettings(): Promise<void> {
    const host = await hosts.find(sensorId);
    if (host === null) return close(closeCodes.removed, "the host was removed");
    const due = await settings.readDue(host, known, { inSets: protocol >= setsSince });
    if (due.sets.length > 0) delivery.wake();
    for (const setting of due.settings) {
      checkpoint("order-read");
      send({ type: "setting", ...setting });
      known.set(keyOf(setting.action, setting.scope), setting.generation);
      checkpoint("order-sent");
    }
  }

  async function sendTasks(): Promise<void> {
    if (!(await tasks.hasUnfinished(sensorId))) return;
    for (const taskId of await tasks.listToCancel(sensorId)) {
      if (cancelsSent.has(taskId)) continue;
      cancelsSent.add(taskId);
      send({ type: "task-cancel", taskId });
    }
    const free = maxTasksHeld - held.size;
    if (free <= 0) return;
    for (const task of await tasks.takeForDelivery(sensorId, [...held], free)) {
      checkpoint("order-read");
      held.add(task.taskId);
      send({ type: "task", ...task });
      checkpoint("order-sent");
    }
  }

  return {
    sensorId,
    /** Resolves when the message is dealt with; never rejects. */
    receive(message: AgentMessage): Promise<void> {
      if (closed) return Promise.resolve();
      hosts.recordContact(sensorId);
      receiving = receiving.then(async () => {
        if (closed) return;
        try {
          await take(message);
        } catch (error) {
          // Not acknowledged, so the agent keeps it and says it again on its next contact.
          log.warn({ err: error, sensorId, type: message.type }, "a message of an agent could not be dealt with");
          close(error instanceof Problem ? closeCodes.protocol : closeCodes.goingAway, "try again later");
        }
      });
      return receiving;
    },
    /** Something may be due: looks, and sends it. */
    requestSync,
    /** As `requestSync` of settings, with what was ordered for all hosts read already: asks the database for nothing of this host. */
    offer,
    /** After this nothing is sent; the socket is the owner's to close. */
    end(): void {
      closed = true;
      delivery.end();
    },
    /** Resolves once no message is being dealt with and nothing is being looked up. */
    async idle(): Promise<void> {
      await receiving;
      while (syncing !== null) await syncing;
      await delivery.idle();
    },
    /** As `idle`, for a connection that closes: parts of rules that are not sent yet are left for the next one. */
    async finish(): Promise<void> {
      delivery.end();
      await receiving;
      while (syncing !== null) await syncing;
    },
  };
}
