/** The real agent with its journal on disk, on a host whose kernel outlives it. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import {
  allowAll,
  type Clock,
  createAgent,
  type Enforcers,
  type Identity,
  type Journal,
  journalInUse,
  type Logger,
  openJournal,
} from "@cordon/endpoint-agent";
import { simulatedFacts } from "../fleet/simulated-facts.ts";
import { contentOfHashes, type HostMemory } from "./chaos-history.ts";
import type { Kernel } from "./chaos-kernels.ts";

export type ChaosHost = ReturnType<typeof createChaosHost>;

export function createChaosHost(needs: {
  identity: Identity;
  folder: string;
  targets: { address: string; port: number }[];
  hostName: string;
  /** Which process of agents this is. */
  agents: number;
  kernel: Kernel;
  clock: Clock;
  log: Logger;
}) {
  const { identity, folder, targets, hostName, agents, kernel, clock, log } = needs;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const journal = openJournal({ path: join(folder, "journal.sqlite"), log });
  if (journal === journalInUse) throw new Error(`${folder} belongs to an agent that runs`);
  const agent = createAgent({
    sensorId: identity.sensorId,
    journal: watched(journal, kernel),
    enforcers: createEnforcers(kernel, clock),
    identity: () => identity,
    addresses: { targets: async () => targets },
    facts: (towards) => simulatedFacts(hostName, towards),
    policy: allowAll,
    clock,
    log,
  });

  return {
    start: () => agent.start(),
    /** Its connection breaks without a word. */
    cut: () => agent.link.socket()?.terminate(),
    memory(): HostMemory {
      const settings = journal.settings.all().map(({ action, scope, generation }) => ({
        action,
        scope,
        generation,
        content: kernel.inForce(action, scope)?.content ?? null,
      }));
      return { sensorId: identity.sensorId, agents, link: agent.link.state(), settings };
    },
  };
}

/** The journal, which tells the kernel's file what it holds, once that is durable. */
function watched(journal: Journal, kernel: Kernel): Journal {
  let put: (() => void)[] = [];
  let inTransaction = false;
  function settle() {
    const told = put;
    put = [];
    for (const tell of told) tell();
  }
  return {
    ...journal,
    settings: {
      ...journal.settings,
      put(record) {
        journal.settings.put(record);
        put.push(() => kernel.hold(record.action, record.scope, record.lineage, record.generation));
        if (!inTransaction) settle();
      },
    },
    transaction<T>(work: () => T): T {
      if (inTransaction) return journal.transaction(work);
      inTransaction = true;
      try {
        const result = journal.transaction(work);
        settle();
        return result;
      } finally {
        inTransaction = false;
        put = [];
      }
    },
  };
}

function createEnforcers(kernel: Kernel, clock: Clock): Enforcers {
  const setting = (action: string, contentOf: (wish: object) => string) => {
    const effect = (scope: string) => {
      const rule = kernel.inForce(action, scope);
      return rule === null
        ? ({ state: "lifted" } as const)
        : ({ state: "in-effect", detail: rule.content, remainingSec: null } as const);
    };
    return {
      ability: async () => ({ able: true }) as const,
      async enforce(order: { scope: "host" | "all"; wish: object | null; remainingSec: number | null }) {
        const content = order.wish === null ? null : contentOf(order.wish);
        kernel.enforce(action, order.scope, content, order.remainingSec);
        return effect(order.scope);
      },
      readBack: async (scope: "host" | "all") => effect(scope),
      close: async () => {},
    };
  };
  return {
    "network-isolation": setting("network-isolation", (wish) =>
      String((wish as { autoTurnoffTimeoutInSec: number }).autoTurnoffTimeoutInSec),
    ),
    prevention: setting("prevention", (wish) =>
      contentOfHashes((wish as { files: { hash: string }[] }).files.map(({ hash }) => hash)),
    ),
    "run-process": {
      ability: async () => ({ able: true }),
      /** The command line is the task's ID and how long its program lasts. */
      async run({ parameters, signal, onStarted }) {
        const [taskId = "", lastsMs = "0"] = (parameters.commandLine ?? "").split(" ");
        const printed = { stdout: taskId, stderr: "", stdoutTruncated: false, stderrTruncated: false };
        if (signal.aborted) return { state: "cancelled", exitCode: null, ...printed };
        const pid = kernel.start(taskId, Number(lastsMs));
        onStarted({ pid, startTicks: "1", bootId: clock.bootId });
        const isAborted = await new Promise<boolean>((resolve) => {
          const callOff = clock.after(Number(lastsMs), () => resolve(false));
          signal.addEventListener("abort", () => {
            callOff();
            resolve(true);
          });
        });
        kernel.end(taskId, isAborted ? "terminated" : "done");
        return isAborted
          ? { state: "cancelled", exitCode: null, ...printed }
          : { state: "completed", exitCode: 0, ...printed };
      },
      terminateLeftover: async ({ pid }) => kernel.isRunning(pid),
    },
  };
}
