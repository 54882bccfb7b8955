/** Hears of every change to the isolation's table, whoever makes it: our own changes, too. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { isolationTable } from "./nftables-ruleset.ts";
import { programEnvironment } from "./program.ts";

const [shortestPauseMs, longestPauseMs] = [1000, 60_000];
/** nft does not say when it listens; what happened before that is looked for once after this long. */
const listensAfterMs = 300;

/** `findNft`: where nft is, null where it is nowhere. One that ends is started again, after a pause that grows while it fails. */
export function createNftMonitor({ findNft, noticed }: { findNft(): Promise<string | null>; noticed(): void }) {
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
          const path = await findNft();
          if (path !== null && !stopped) {
            await listen(path, noticed, (kill) => {
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
}

/** Resolves when it has ended. */
function listen(path: string, noticed: () => void, onStart: (kill: () => void) => void): Promise<void> {
  return new Promise((resolve) => {
    const child = spawn(path, ["-j", "monitor"], {
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
