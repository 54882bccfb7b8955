import { resolve } from "node:path";
import { releaseIsolation } from "@cordon/response-actions/enforcers";
import { exitCodes, failure, type Verb } from "@cordon/terminal";
import type { Config } from "../config.ts";
import { askRunningAgent } from "../control-socket.ts";
import { isMarkedReleased, markReleased } from "../local-release.ts";
import { isolationDirectory } from "../start-agent.ts";

type Lifted = { state: string; reason?: string; detail?: string };

export function releaseVerb(config: Config): Verb<{ stateDir: string }> {
  return {
    words: "release",
    summary: "break-glass: lift this host's isolation now, also when the agent is dead",
    description:
      "Needs root rights. It is logged, and the Central Node is told at the next contact; an isolation that it orders\n" +
      "after that applies again.",
    examples: [["sudo cordon-agent release --state-dir /var/lib/cordon-agent"]],
    flags: (command) => command.option("--state-dir <directory>", "where the agent keeps its state", config.stateDir),
    parse: (_words, flags) => ({ stateDir: resolve(String(flags.stateDir)) }),
    async act({ stateDir }, output) {
      const { lifted, by } = await release(stateDir);
      if (lifted.state !== "lifted") {
        throw failure("FAILED", `the host is not released: ${lifted.reason ?? lifted.state}`, {
          advice: `${lifted.detail ?? ""}\nBy hand: nft delete table inet cordon_isolation`.trim(),
        });
      }
      output.answer({ state: "lifted", by }, () => "The host is released.");
      if (by === "this program" && isMarkedReleased(stateDir)) {
        output.note("No agent runs; the one that starts next will report it.");
      }
      return exitCodes.done;
    },
  };
}

/** Lifts the isolation by the agent that runs on `stateDir` or, where none answers, by this program. */
export async function release(stateDir: string): Promise<{ lifted: Lifted; by: "the agent" | "this program" }> {
  try {
    const reply = await askRunningAgent(stateDir, { command: "release" });
    // Our own agent's answer, on a socket that only its owner opens.
    if (reply !== null) return { lifted: reply as Lifted, by: "the agent" };
  } catch {
    // An agent that hangs must not keep the host isolated: done here, as if there were none.
  }
  // First the mark: killed in between, the isolation still stands, and is not applied again later.
  markReleased(stateDir);
  return { lifted: await releaseIsolation({ directory: isolationDirectory(stateDir) }), by: "this program" };
}
