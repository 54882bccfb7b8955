/**
 * One nft that lives and takes one command after the other: no start of a program in the way of an order, and somebody who
 * can own a table. It ends with us, since its input ends then.
 */
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { oneLine, programEnvironment } from "./program.ts";

export type LivingNft = ReturnType<typeof startLivingNft>;

/** `refused`: nft's own words, empty where the text was loaded. `listing`: null where there is no such table. */
export type NftAnswer = { refused: string; listing: string | null };

const commandFile = "command.nft";

/** `directory`: for the text of a command; nobody else may write there. `onExit` is told once, whatever ended it. */
export function startLivingNft({
  path,
  directory,
  timeoutMs,
  onExit,
}: {
  path: string;
  directory: string;
  timeoutMs: number;
  onExit(): void;
}) {
  const child = spawn(path, ["-j", "-i"], { cwd: directory, env: programEnvironment, stdio: ["pipe", "pipe", "pipe"] });
  let [stdout, stderr] = ["", ""];
  let ended = false;
  let look = () => {};
  let count = 0;
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
    look();
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
    look();
  });
  // Writing to one that was killed breaks the pipe; its exit says so.
  child.stdin.on("error", () => {});
  const exited = new Promise<void>((resolve) => {
    const end = () => {
      if (ended) return;
      ended = true;
      look();
      onExit();
      resolve();
    };
    child.once("exit", end);
    child.once("error", end);
  });

  return {
    pid: child.pid ?? null,
    isAlive: () => !ended,
    /**
     * Loads a text as one transaction, lists a table (`inet name`), or both in this order. Null: it did not answer, and
     * is gone. One call at a time.
     */
    run({ load = "", list = "" }: { load?: string; list?: string }): Promise<NftAnswer | null> {
      if (ended) return Promise.resolve(null);
      count += 1;
      [stdout, stderr] = ["", ""];
      const commands: string[] = [];
      if (load !== "") {
        // By a file: a line is all that its prompt takes.
        writeFileSync(join(directory, commandFile), load, { mode: 0o600 });
        commands.push(`include "./${commandFile}"`);
      }
      if (list !== "") commands.push(`list table ${list}`);
      // Nothing says that a command without output is done. What this one is told does: there is no such table.
      const marker = `list table inet cordon_marker_${count}`;
      child.stdin.write(`${[...commands, marker].join("\n")}\n`);
      return new Promise((resolve) => {
        const settle = (answer: NftAnswer | null) => {
          clearTimeout(timer);
          look = () => {};
          resolve(answer);
        };
        const timer = setTimeout(() => {
          child.kill("SIGKILL");
          settle(null);
        }, timeoutMs);
        look = () => {
          if (ended) return settle(null);
          // It may not even look, and then says nothing of the commands: a call of its own tells why.
          if (stderr.includes("netlink: Error:")) {
            child.kill("SIGKILL");
            return settle(null);
          }
          const faults = faultsBefore(marker, stderr);
          if (faults === null) return;
          const listFault = faults.find((fault) => list !== "" && fault.includes(`\nlist table ${list}\n`));
          const isListed = list !== "" && listFault === undefined;
          // The pipes are two: what was printed may be read later than what was said after it.
          if (isListed && !stdout.endsWith("\n")) return;
          const isAbsent = listFault?.includes("No such file or directory") === true;
          const refused = faults.filter((fault) => !(isAbsent && fault === listFault)).map(oneLine);
          settle({ refused: refused.join(" "), listing: isListed ? stdout : null });
        };
        look();
      });
    },
    async close() {
      child.stdin.end();
      const timer = setTimeout(() => child.kill("SIGKILL"), 1000);
      await exited;
      clearTimeout(timer);
    },
  };
}

/** What nft complained of before the marker, a text each; null while the marker's own complaint is not whole. */
function faultsBefore(marker: string, stderr: string): string[] | null {
  const markerAt = stderr.indexOf(`\n${marker}\n`);
  if (markerAt < 0 || !/^[ ^]*\^\n/.test(stderr.slice(markerAt + marker.length + 2))) return null;
  const faults = stderr.slice(0, markerAt).split(/^(?=.*Error: )/m);
  // The last one is the marker's.
  return faults.slice(0, -1);
}
