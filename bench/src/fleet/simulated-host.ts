import {
  allowAll,
  type Clock,
  createAgent,
  createMemoryJournal,
  type Identity,
  type Journal,
  type Logger,
} from "@cordon/endpoint-agent";
import { type AwaitedOrder, type HeldByHost, monotonicMs } from "./fleet-messages.ts";
import { createRememberingEnforcers } from "./remembering-enforcers.ts";
import { simulatedFacts } from "./simulated-facts.ts";

export type SimulatedHost = ReturnType<typeof createSimulatedHost>;

/** Acknowledgements that a host remembers of each setting: for orders that are asked about soon after. */
const rememberedAcknowledgements = 64;
const silentLog: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/** The real agent with its journal in memory and an enforcement that only remembers. */
export function createSimulatedHost({
  identity,
  targets,
  hostName,
  clock,
  onAcknowledged,
}: {
  identity: Identity;
  targets: { address: string; port: number }[];
  hostName: string;
  clock: Clock;
  onAcknowledged(latencyMs: number): void;
}) {
  const { enforcers, memory } = createRememberingEnforcers(clock.bootId);
  const journal = createMemoryJournal();
  const waiting = new Map<string, { subject: string; generation: number; sinceMs: number }>();
  const acknowledged = new Map<string, { generation: number; ms: number }[]>();
  let connects = 0;
  let askedEnds = 0;
  let offline = false;

  const agent = createAgent({
    sensorId: identity.sensorId,
    journal: watched(journal),
    enforcers,
    identity: () => identity,
    addresses: { targets: async () => targets },
    facts: (towards) => simulatedFacts(hostName, towards),
    policy: allowAll,
    clock,
    log: silentLog,
    credentials: {
      // Called once for each welcome.
      proven() {
        connects += 1;
      },
      // A simulated host lives for hours at most.
      dueRequest: () => null,
      renewed() {},
    },
  });

  /** The agent's journal, which notes when a report was spooled and when its acknowledgement came. */
  function watched(real: Journal): Journal {
    return {
      ...real,
      spool: {
        ...real.spool,
        put(report) {
          const isSetting = report.type === "setting-report";
          const subject = isSetting ? `${report.action} ${report.scope}` : report.taskId;
          const generation = isSetting ? report.generation : 0;
          // A newer report takes the place of the older one in the spool, and so it does here.
          for (const [id, old] of waiting) if (old.subject === subject) waiting.delete(id);
          waiting.set(report.reportId, { subject, generation, sinceMs: monotonicMs() });
          real.spool.put(report);
        },
        acknowledge(reportId) {
          const known = real.spool.acknowledge(reportId);
          const report = waiting.get(reportId);
          waiting.delete(reportId);
          if (!known || report === undefined) return known;
          const ms = monotonicMs();
          if (report.generation > 0) {
            const list = acknowledged.get(report.subject) ?? [];
            list.push({ generation: report.generation, ms });
            if (list.length > rememberedAcknowledgements) list.shift();
            acknowledged.set(report.subject, list);
          }
          onAcknowledged(ms - report.sinceMs);
          return known;
        },
      },
    };
  }

  const host = {
    sensorId: identity.sensorId,
    agent,
    isConnected: () => agent.link.state() === "connected",
    isOffline: () => offline,
    wasRemoved: () => agent.link.state() === "removed",
    connects: () => connects,
    /** Ends of links that this side meant. */
    askedEnds: () => askedEnds,
    reportsWaiting: () => waiting.size,
    tasksStarted: () => [...memory.started.values()].reduce((sum, count) => sum + count, 0),
    /** Destroys the connection without a word; false where there was none. */
    cut(): boolean {
      if (!host.isConnected()) return false;
      askedEnds += 1;
      agent.link.socket()?.terminate();
      return true;
    },
    /** Marks it before the start; afterwards it leaves and comes back. */
    async setOffline(value: boolean, started = true) {
      if (value === offline) return;
      offline = value;
      if (!started) return;
      if (!value) return agent.link.start();
      if (host.isConnected()) askedEnds += 1;
      await agent.link.close();
    },
    /** One that is offline makes its journal true, and looks for nobody. */
    start: () => (offline ? agent.core.start() : agent.start()),
    acknowledgedMs: ({ action, scope, generation }: AwaitedOrder): number | null =>
      acknowledged.get(`${action} ${scope}`)?.find((entry) => entry.generation >= generation)?.ms ?? null,
    holds(): HeldByHost {
      const lineage = journal.lineage();
      const generations = lineage === null ? [] : journal.settings.generations(lineage);
      const settings = generations.map(({ action, scope, generation }) => ({
        action,
        scope,
        generation,
        wish: memory.wishes.get(`${action} ${scope}`) ?? null,
      }));
      return { sensorId: identity.sensorId, settings, started: Object.fromEntries(memory.started) };
    },
    close: () => agent.close(),
  };
  return host;
}
