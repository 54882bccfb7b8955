import { agentProtocolVersion, closeCodes, type HostFacts, type Welcome } from "@cordon/contract";
import { responseActions } from "@cordon/response-actions";
import type { CentralNodeEndpoint } from "@cordon/response-actions/enforcers";
import { readCentralNodeMessage } from "./central-node-message.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { createDesiredState } from "./desired-state.ts";
import { createAbilities } from "./host/abilities.ts";
import type { Clock } from "./host/clock.ts";
import type { Enforcers } from "./host/enforcers.ts";
import type { Journal } from "./journal/journal.ts";
import { summariseSettings } from "./journal/setting-summary.ts";
import { createLiveOutput } from "./live-output.ts";
import type { LocalPolicy } from "./local-policy.ts";
import type { Logger } from "./log.ts";
import { createOutbox, type Session } from "./outbox.ts";
import { createPrevention } from "./prevention/prevention.ts";
import { createTaskQueue } from "./task-queue.ts";

export type AgentCore = ReturnType<typeof createAgentCore>;

/** What the agent proves itself with, as far as the core has to do with it. */
export type Credentials = {
  /** The session was welcomed, so the certificate that it was opened with works. */
  proven(authorities: string): void;
  /** A certificate request, PEM, when it is time for a new certificate. */
  dueRequest(): string | null;
  /** The new certificate, PEM. */
  renewed(certificate: string): void;
};

const housekeepingMs = 60_000;
/** A hostile Central Node must not fill the host's disk with log lines. */
const loggedBadMessages = 20;

/** All that the agent does with messages and its journal, without any socket: a session is handed in, messages are fed in. */
export function createAgentCore(needs: {
  journal: Journal;
  enforcers: Enforcers;
  /** All but what this agent is able to do, which the core knows itself. */
  facts(): Omit<HostFacts, "capabilities">;
  policy: LocalPolicy;
  /** Where the Central Nodes are. */
  centralNode(): Promise<CentralNodeEndpoint[]>;
  /** Whether the Central Node answers on a round trip that begins now. Absent: taken for granted, where there is no link. */
  proveReachable?(withinMs: number): Promise<boolean>;
  clock: Clock;
  log: Logger;
  credentials?: Credentials;
  /** The mark of a break-glass release that a person made while the agent did not answer. */
  localRelease?: { isMarked(): boolean; clear(): void };
  checkpoint?: Checkpoint;
  maxTasksAtOnce?: number;
  onWelcome?(welcome: Welcome): void;
}) {
  const { journal, enforcers, facts, policy, centralNode, clock, log, credentials, onWelcome } = needs;
  const checkpoint = needs.checkpoint ?? (() => {});
  const abilities = createAbilities({ enforcers, log });
  const outbox = createOutbox({ journal, clock, checkpoint });
  const parts = { journal, outbox, enforcers, abilities, policy, clock, log, checkpoint };
  const { proveReachable = async () => true } = needs;
  const desiredState = createDesiredState({ ...parts, centralNode, proveReachable });
  const prevention = createPrevention({ journal, outbox, desiredState, clock, log });
  const liveOutput = createLiveOutput();
  const taskQueue = createTaskQueue({
    ...parts,
    onOutput: liveOutput.tell,
    ...(needs.maxTasksAtOnce === undefined ? {} : { maxAtOnce: needs.maxTasksAtOnce }),
  });

  let session: Session | null = null;
  let welcomed = false;
  /** Told in the next hello: an older Central Node refuses one that it does not know. */
  let offeredProtocol = agentProtocolVersion;
  let badMessages = 0;
  let toldFacts = "";
  let stopHousekeeping: (() => void) | null = null;
  let closed = false;

  const core = {
    /** Starts to make the journal true again. Call it before the first session. */
    async start() {
      await takeUpLocalRelease();
      await abilities.refresh();
      for (const enforcer of Object.values(enforcers)) if ("watch" in enforcer) enforcer.watch?.(lookAgain);
      desiredState.resume();
      taskQueue.resume();
      scheduleHousekeeping();
    },

    /** A connection stands: says hello on it. An earlier one is over. */
    opened(next: Session) {
      session = next;
      welcomed = false;
      badMessages = 0;
      const newest = journal.lineage();
      // What is still held from an older history is named first: the Central Node then says anew how everything should be,
      // also that what it does not know is lifted.
      const lineage = newest === null ? null : (journal.settings.otherLineage(newest) ?? newest);
      const hostFacts = currentFacts();
      toldFacts = JSON.stringify(hostFacts);
      session.send({
        type: "hello",
        protocol: offeredProtocol,
        facts: hostFacts,
        journalId: journal.journalId,
        lineage,
        settings: lineage === null ? [] : journal.settings.generations(lineage),
      });
    },

    /**
     * One message as it came, parsed from JSON. Never throws: a bad one is dropped. When the journal cannot be written
     * the session is closed, so that the Central Node offers again at the next contact what was not taken.
     */
    receive(message: unknown) {
      try {
        dispatch(message);
      } catch (error) {
        log.error({ error }, "an order could not be taken; it will be offered again at the next contact");
        session?.close(1011, "the agent could not take an order");
      }
    },

    /** `code`: the WebSocket's close code, where there was one. */
    closed(code?: number) {
      const refused = !welcomed && code === closeCodes.protocol && offeredProtocol > 1;
      offeredProtocol = refused ? offeredProtocol - 1 : agentProtocolVersion;
      session = null;
      welcomed = false;
      outbox.close();
      prevention.closed();
      liveOutput.closed();
    },

    drained() {
      outbox.drained();
      prevention.drained();
      liveOutput.drained();
    },

    /** A banned file was kept from running, or was found to run. Never throws. */
    takeBlock: prevention.takeBlock,
    /** Something went wrong with prevention beside any order. Never throws. */
    takeAlarm: prevention.takeAlarm,
    takeScan: prevention.takeScan,

    /** Break-glass: see desired-state. */
    releaseLocally: () => desiredState.releaseLocally("network-isolation"),

    status: () => ({
      connected: welcomed,
      journalId: journal.journalId,
      lineage: journal.lineage(),
      capabilities: capabilities(),
      settings: summariseSettings(journal, clock),
      tasks: taskQueue.counts(),
      reportsWaiting: journal.spool.count(),
      blocksWaiting: prevention.blocksWaiting(),
      scan: prevention.scan(),
    }),

    /** Looks after what time changes: abilities, deadlines, certificate. Runs by itself every minute. */
    async keepHouse() {
      // Before it is verified that all still holds: an agent that hung must not isolate anew whom a person released.
      await takeUpLocalRelease();
      await abilities.refresh(desiredState.exclusively);
      if (closed) return;
      desiredState.verify();
      const hostFacts = currentFacts();
      if (welcomed && JSON.stringify(hostFacts) !== toldFacts) {
        toldFacts = JSON.stringify(hostFacts);
        session?.send({ type: "facts", facts: hostFacts });
      }
      if (welcomed) askForCertificate();
    },

    /** Resolves when no enforcer runs and no task waits. */
    async idle() {
      await desiredState.idle();
      await taskQueue.idle();
    },

    /** Programs are terminated and reported, settings stay in force. The journal stays open. */
    async close() {
      closed = true;
      stopHousekeeping?.();
      await Promise.all([taskQueue.close(), desiredState.close()]);
      outbox.close();
      await Promise.all(Object.values(enforcers).map((enforcer) => ("close" in enforcer ? enforcer.close() : null)));
      // Last: until the enforcer has ended there may be blocks.
      prevention.close();
    },
  };

  /** An enforcer noticed that something may no longer hold. */
  function lookAgain() {
    if (closed) return;
    // First whether a person released the host while this agent hung.
    takeUpLocalRelease()
      .then(() => desiredState.verify())
      .catch((error: unknown) => log.error({ error }, "what changed on the host could not be looked at"));
  }

  async function takeUpLocalRelease() {
    if (needs.localRelease?.isMarked() !== true) return;
    await desiredState.releaseLocally("network-isolation");
    needs.localRelease.clear();
  }

  function dispatch(message: unknown) {
    const read = readCentralNodeMessage(message);
    if ("fault" in read) return dropped(read.fault, read.type);
    const valid = read.message;
    if (valid.type === "welcome") {
      welcome(valid);
      return;
    }
    const lineage = journal.lineage();
    if (!welcomed || lineage === null) {
      dropped("it came before the welcome", valid.type);
      return;
    }
    switch (valid.type) {
      case "setting":
        return desiredState.take(valid, lineage);
      case "prevention-set":
        return prevention.takePart(valid, lineage);
      case "task":
        return taskQueue.take(valid);
      case "task-cancel":
        return taskQueue.cancel(valid.taskId);
      case "ack":
        return prevention.acknowledged(valid.reportId) || outbox.acknowledged(valid.reportId);
      case "renewed":
        return credentials?.renewed(valid.certificate);
    }
  }

  function welcome(message: Welcome) {
    if (session === null) return;
    if (message.protocol > agentProtocolVersion) {
      log.error({ protocol: message.protocol }, "the Central Node speaks a protocol that this agent does not know");
      session.close(closeCodes.protocol, "unknown protocol");
      return;
    }
    if (message.lineage !== journal.lineage()) {
      log.info(
        { lineage: message.lineage },
        "the Central Node has another history: all of its settings are taken anew",
      );
      journal.transaction(() => {
        journal.spool.dropSettingReports();
        journal.setLineage(message.lineage);
      });
    }
    welcomed = true;
    onWelcome?.(message);
    credentials?.proven(message.authorities);
    outbox.open(session);
    prevention.opened(session, message.protocol);
    liveOutput.opened(session, message.protocol);
    askForCertificate();
  }

  function askForCertificate() {
    try {
      const certificateRequest = credentials?.dueRequest() ?? null;
      if (certificateRequest !== null && welcomed) session?.send({ type: "renew", certificateRequest });
    } catch (error) {
      log.error({ error }, "a new certificate could not be asked for");
    }
  }

  function dropped(why: string, type: unknown) {
    badMessages += 1;
    if (badMessages <= loggedBadMessages) log.warn({ why, type: String(type).slice(0, 64) }, "dropped a message");
  }

  function currentFacts(): HostFacts {
    return { ...facts(), capabilities: capabilities() };
  }

  /** What can be done here and now: the system can, and the host's owner lets it. */
  function capabilities(): string[] {
    const able = abilities.names();
    return Object.values(responseActions)
      .filter((action) => able.includes(action.name) && policy.allows(action))
      .map((action) => action.name);
  }

  function scheduleHousekeeping() {
    if (closed) return;
    stopHousekeeping = clock.after(housekeepingMs, () => {
      core
        .keepHouse()
        .catch((error: unknown) => log.error({ error }, "housekeeping failed; it is tried again in a minute"))
        .finally(scheduleHousekeeping);
    });
  }

  return core;
}
