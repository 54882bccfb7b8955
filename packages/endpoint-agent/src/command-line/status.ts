import { resolve } from "node:path";
import { exitCodes, failure, type Verb } from "@cordon/terminal";
import type { Config } from "../config.ts";
import { askRunningAgent } from "../control-socket.ts";
import { createHostClock } from "../host/clock.ts";
import { readServiceState } from "../host/service-state.ts";
import { readIdentity } from "../identity.ts";
import { journalInUse, openJournal } from "../journal/journal.ts";
import { summariseSettings } from "../journal/setting-summary.ts";
import { silentLog } from "../log.ts";
import { journalPath, type RunningAgent } from "../start-agent.ts";
import { describeStatus, type Status } from "./status-text.ts";

export function statusVerb(config: Config): Verb<{ stateDir: string }> {
  return {
    words: "status",
    summary: "show who this host is, whether it is connected, and what is in force",
    description: "Asks the agent that runs on the state directory; when none does, reads its journal.",
    examples: [["cordon-agent status"], ["cordon-agent status --json | jq .settings"]],
    flags: (command) => command.option("--state-dir <directory>", "where the agent keeps its state", config.stateDir),
    parse: (_words, flags) => ({ stateDir: resolve(String(flags.stateDir)) }),
    async act({ stateDir }, output) {
      const status = await readStatus(stateDir);
      const service = await readServiceState();
      output.answer({ ...status, service }, () => describeStatus(status, service, Date.now()));
      return exitCodes.done;
    },
  };
}

/** Throws NOT_FOUND where no host is enrolled. */
export async function readStatus(stateDir: string): Promise<Status> {
  const identity = readIdentity(stateDir);
  if (identity === null) throw failure("NOT_FOUND", `${stateDir} holds no identity: this host is not enrolled there`);
  const reply = await askRunningAgent(stateDir, { command: "status" });
  // Our own agent's answer, on a socket that only its owner opens.
  if (reply !== null) return { running: true, ...(reply as ReturnType<RunningAgent["status"]>) };
  const journal = openJournal({ path: journalPath(stateDir), log: silentLog });
  if (journal === journalInUse) throw failure("UNREACHABLE", "an agent runs here, but does not answer");
  try {
    const settings = summariseSettings(journal, createHostClock());
    return { running: false, sensorId: identity.sensorId, settings, reportsWaiting: journal.spool.count() };
  } finally {
    journal.close();
  }
}
