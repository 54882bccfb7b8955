import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Block } from "@cordon/response-actions";
import type { PreventionOptions } from "@cordon/response-actions/enforcers";
import { type Agent, createAgent } from "./agent.ts";
import { createCentralNodeAddresses } from "./central-node-addresses.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { listenForControl } from "./control-socket.ts";
import { createHostClock } from "./host/clock.ts";
import { createHostEnforcers, type Enforcers, type Guard } from "./host/enforcers.ts";
import { readHostFacts } from "./host/facts.ts";
import { createIdentityKeeper, readIdentity } from "./identity.ts";
import { journalInUse, openJournal } from "./journal/journal.ts";
import { createLocalPolicy } from "./local-policy.ts";
import { clearReleased, isMarkedReleased } from "./local-release.ts";
import type { Logger } from "./log.ts";
import type { PreventionScan } from "./prevention/prevention.ts";
import type { PreventionAlarm } from "./prevention/prevention-alarms.ts";

/** Whom an enforcer tells what nobody ordered. They never throw; the agent is made right after its enforcers. */
export type EnforcerEvents = {
  onBlock(block: Block): void;
  onAlarm(alarm: PreventionAlarm): void;
  onScan(progress: PreventionScan): void;
};

export type RunningAgent = { close(): Promise<void>; status(): ReturnType<Agent["status"]> };

/** Where the isolation keeps what a boot and a break-glass release need, beside any agent. */
export const isolationDirectory = (stateDir: string) => join(stateDir, "isolation");
export const journalPath = (stateDir: string) => join(stateDir, "journal.sqlite");

/** The agent of one state directory. Reports "not-enrolled" or "already-running" instead of starting. */
export async function startAgent({
  stateDir,
  servers,
  log,
  blockRawFrames = false,
  guard = "none",
  enforcers = (events) =>
    createHostEnforcers(process.platform, {
      isolation: { directory: isolationDirectory(stateDir), blockRawFrames },
      prevention: preventionOf(stateDir, guard, events),
    }),
  checkpoint,
}: {
  stateDir: string;
  /** `host:port`, in place of those that the host was enrolled with. */
  servers?: string[];
  log: Logger;
  /** Whoever starts an agent in another program than its own must say which filesystems it may watch. */
  guard?: Guard;
  /** While isolated, also frames that bypass the IP stack. */
  blockRawFrames?: boolean;
  enforcers?: Enforcers | ((events: EnforcerEvents) => Enforcers);
  checkpoint?: Checkpoint;
}): Promise<RunningAgent | "not-enrolled" | "already-running"> {
  const identity = readIdentity(stateDir);
  if (identity === null) return "not-enrolled";
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  const journal = openJournal({ path: journalPath(stateDir), log });
  if (journal === journalInUse) return "already-running";

  const clock = createHostClock();
  const keeper = createIdentityKeeper({ stateDir, identity, clock, log, onRenewed: () => agent.reconnect() });
  const events: EnforcerEvents = {
    onBlock: (block) => agent.core.takeBlock(block),
    onAlarm: (alarm) => agent.core.takeAlarm(alarm),
    onScan: (progress) => agent.core.takeScan(progress),
  };
  const agent: Agent = createAgent({
    sensorId: identity.sensorId,
    journal,
    enforcers: typeof enforcers === "function" ? enforcers(events) : enforcers,
    identity: keeper.offer,
    credentials: keeper.credentials,
    addresses: createCentralNodeAddresses({ servers: servers ?? identity.servers, stateDir, log }),
    facts: readHostFacts,
    policy: createLocalPolicy({ path: join(stateDir, "policy.json"), log }),
    localRelease: { isMarked: () => isMarkedReleased(stateDir), clear: () => clearReleased(stateDir) },
    clock,
    log,
    ...(checkpoint === undefined ? {} : { checkpoint }),
  });
  const control = await listenForControl({
    stateDir,
    log,
    answer: async ({ command }) => (command === "status" ? agent.status() : agent.core.releaseLocally()),
  });
  await agent.start();
  log.info({ sensorId: identity.sensorId, stateDir }, "the agent runs");

  return {
    status: agent.status,
    async close() {
      await control.close();
      await agent.close();
      log.info({}, "the agent stopped; what is in force stays in force");
    },
  };
}

function preventionOf(stateDir: string, guard: Guard, events: EnforcerEvents): PreventionOptions | null {
  return guard === "none" ? null : { directory: join(stateDir, "prevention"), guard, ...events };
}
