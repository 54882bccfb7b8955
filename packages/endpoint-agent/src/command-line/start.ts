import { isAbsolute, resolve } from "node:path";
import { exitCodes, failure, type Verb } from "@cordon/terminal";
import type { Config } from "../config.ts";
import { createHostClock } from "../host/clock.ts";
import type { Guard } from "../host/enforcers.ts";
import { createServiceManager } from "../host/sd-notify.ts";
import { giveSignsOfLife } from "../sign-of-life.ts";
import { startAgent } from "../start-agent.ts";
import { createSystemLog } from "../system-log.ts";
import { parseServer } from "./enroll.ts";

type Options = { stateDir: string; servers: string[]; guard: Guard; blockRawFrames: boolean };

export function startVerb(config: Config): Verb<Options> {
  return {
    words: "start",
    summary: "run the agent in the foreground until SIGTERM or SIGINT",
    description:
      "Prints one JSON line when it runs. Logs are JSON lines on stderr. Stopping it terminates the programs that it runs and reports them; an isolation\n" +
      "stays in force, and so does prevention. A second agent on the same state directory is refused.",
    examples: [
      ["cordon-agent start --state-dir /var/lib/cordon-agent"],
      ["cordon-agent start --server https://10.0.0.9:443", "the Central Node moved"],
      ["cordon-agent start --guard /srv /home", "banned files may still run elsewhere"],
    ],
    flags: (command) =>
      command
        .option("--state-dir <directory>", "where the agent keeps its state", config.stateDir)
        .option(
          "--guard <path...>",
          "where filesystems are mounted on which banned files are kept from running, with all that is mounted beneath; " +
            "all: every real one; none: prevention is off",
          config.guard.split(":"),
        )
        .option("--server <url...>", "where the Central Nodes are now, in place of where it was enrolled")
        .option("--block-raw-frames", "while isolated, also stop frames that bypass the IP stack"),
    parse: (_words, flags) => ({
      stateDir: resolve(String(flags.stateDir)),
      guard: parseGuard([flags.guard].flat().map(String)),
      servers: Array.isArray(flags.server) ? flags.server.map(String).map(parseServer) : [],
      blockRawFrames: flags.blockRawFrames === true || config.blockRawFrames,
    }),
    async act({ stateDir, servers, guard, blockRawFrames }, output) {
      const { journalStream, notifySocket, watchdogMs } = config.service;
      const log = createSystemLog({ level: config.logLevel, journalStream });
      const manager = await createServiceManager({ notifySocket, log });
      const stopAsked = new Promise<string>((stop) => {
        for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => stop(signal));
      });
      const ways = servers.length === 0 ? {} : { servers };
      const agent = await startAgent({ stateDir, log, guard, blockRawFrames, ...ways });
      if (agent === "not-enrolled") {
        throw failure("REFUSED", `${stateDir} holds no identity`, { advice: "See: cordon-agent enroll --help" });
      }
      if (agent === "already-running") throw failure("REFUSED", `another agent runs on ${stateDir}`);
      // One line for whoever started it, as cordon-server prints one.
      output.terminal.stdout.write(
        `${JSON.stringify({ ready: true, sensorId: agent.status().sensorId, pid: process.pid })}\n`,
      );
      const stopSigns = giveSignsOfLife({ agent, manager, watchdogMs, clock: createHostClock(), log });
      log.info({ signal: await stopAsked }, "stopping");
      stopSigns();
      manager.stopping();
      await agent.close();
      return exitCodes.done;
    },
  };
}

/** Whether a path can be guarded is known only to the host, when there is something to guard against. */
function parseGuard(words: string[]): Guard {
  const [first] = words;
  if (words.length === 1 && (first === "all" || first === "none")) return first;
  const odd = words.find((word) => !isAbsolute(word));
  if (odd !== undefined)
    throw failure("USAGE", `--guard takes all, none or absolute paths, not ${JSON.stringify(odd)}`);
  return words.map((word) => resolve(word));
}
