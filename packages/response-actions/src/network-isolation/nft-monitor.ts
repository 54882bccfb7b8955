/** Hears of every change to the isolation's table, whoever makes it: our own changes, too. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { isolationTable } from "./nftables-ruleset.ts";
import { programEnvironment } from "./program.ts";

const [shortestPauseMs, longestPauseMs] = [1000, 60_000];
/** nft does not say when it listens; what happened before that is looked for once after this long. */
const listensAfterMs = 300;

/** `findProgram`: where a program is, null where it is nowhere. A monitor that ends is started again, after a pause that grows while it fails. */
export function createNftMonitor({
  findProgram,
  noticed,
}: {
  findProgram(name: string): Promise<string | null>;
  noticed(): void;
}) {
  let stop: (() => void) | null = null;

  return {
    /** Does nothing while it runs. */
    start() {
      if (stop !== null) return;
      let stopped = false;
      let end = () => {};
      stop = () => {
        stopped = true;
        end();
      };
      void (async () => {
        for (let pauseMs = shortestPauseMs; !stopped; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
          const startedAt = performance.now();
          const command = await findCommand();
          if (command !== null && !stopped) {
            await listen(command, noticed, (kill) => {
              end = kill;
            });
          }
          if (performance.now() - startedAt > longestPauseMs) pauseMs = shortestPauseMs;
          if (!stopped) {
            await new Promise<void>((resolve) => {
              const timer = setTimeout(resolve, pauseMs);
              end = () => {
                clearTimeout(timer);
                resolve();
              };
            });
          }
        }
      })();
    },
    stop() {
      stop?.();
      stop = null;
    },
  };

  /** It reads nothing from us, so it would not end with us: where there is setpriv, the kernel sees to that. */
  async function findCommand(): Promise<[string, ...string[]] | null> {
    const [nft, setpriv] = await Promise.all([findProgram("nft"), findProgram("setpriv")]);
    if (nft === null) return null;
    const listening = [nft, "-j", "monitor"] as const;
    return setpriv === null ? [...listening] : [setpriv, "--pdeathsig", "KILL", ...listening];
  }
}

/** Resolves when it has ended. */
function listen(
  [program, ...args]: [string, ...string[]],
  noticed: () => void,
  onStart: (kill: () => void) => void,
): Promise<void> {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd: "/",
      env: programEnvironment,
      stdio: ["ignore", "pipe", "ignore"],
    });
    onStart(() => child.kill("SIGKILL"));
    const timer = setTimeout(noticed, listensAfterMs);
    const end = () => {
      clearTimeout(timer);
      resolve();
    };
    child.once("exit", end);
    child.once("error", end);
    createInterface({ input: child.stdout }).on("line", (line) => {
      if (line.includes(`"${isolationTable}"`)) noticed();
    });
  });
}
