import { type ExitCode, exitCodes, failure, type Program } from "@cordon/terminal";
import { type CentralNodeConfig, withoutSecrets } from "../config.ts";
import { isDatabaseAway } from "../http/to-problem.ts";
import { inOneWriteEachTurn } from "./log-output.ts";
import { settingFlags } from "./setting-flags.ts";

export function addStartCommand(
  program: Program,
  { configOf, now }: { configOf(flags: Record<string, unknown>): CentralNodeConfig; now: () => Date },
): void {
  program.verb({
    words: "start",
    summary: "run a Central Node until SIGTERM or SIGINT",
    description:
      "Prints one JSON line on stdout once it is ready, and logs to stderr. Flags go before the environment, and that before the configuration file.\nSIGHUP reads the server certificate again. A second SIGTERM or SIGINT ends it at once.",
    examples: [
      ["cordon-server start", "on ports 443 and 8443, with everything in /var/lib/cordon"],
      ["cordon-server start --data-dir /tmp/node --api 127.0.0.1:0 --console 127.0.0.1:0", "on free ports"],
      ["cordon-server start --database postgres://cordon@db.example/cordon --server-name cordon.example"],
    ],
    flags: (command) => {
      settingFlags(command);
      command.option("--print-config", "print what would be used, without secrets, and end");
    },
    parse: (_words, flags) => ({ config: configOf(flags), printConfig: flags.printConfig === true }),
    async act({ config, printConfig }, output): Promise<ExitCode> {
      if (printConfig) {
        const shown = withoutSecrets(config);
        output.answer(shown, () => JSON.stringify(shown, null, 2));
        return exitCodes.done;
      }
      // Loaded only here: the other verbs start twice as fast without the node.
      const [{ default: pino }, { runNode }] = await Promise.all([import("pino"), import("./run-node.ts")]);
      const log = pino({ level: config.logLevel }, inOneWriteEachTurn(pino.destination({ dest: 2, sync: true })));
      try {
        return await runNode({ config, now, log, stdout: output.terminal.stdout });
      } catch (error) {
        throw explain(error);
      }
    },
  });
}

function explain(error: unknown): unknown {
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case "EADDRINUSE":
      return failure("FAILED", message, {
        advice: "Another program listens there. Name another address with --api or --console; port 0 is a free one.",
        cause: error,
      });
    case "EACCES":
      return failure("FAILED", message, {
        advice: "Ports below 1024 need root or CAP_NET_BIND_SERVICE; the data directory must belong to this account.",
        cause: error,
      });
    default:
      if (!isDatabaseAway(error)) return error;
      return failure("FAILED", `the database does not answer: ${message}`, {
        advice: "Look whether PostgreSQL runs and --database leads to it, and start again: nothing is lost by that.",
        cause: error,
      });
  }
}
