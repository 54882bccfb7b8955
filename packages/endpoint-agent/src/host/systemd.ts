/** systemd of this host, by its program systemctl. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";

export const agentUnit = "cordon-agent.service";

export type Systemd = {
  /** Throws with what systemctl said when it failed. */
  control(...words: string[]): Promise<void>;
  /** The properties asked for, by name; one that systemd does not know is missing. */
  show(unit: string, properties: readonly string[]): Promise<Record<string, string>>;
  /** The newest lines of a unit's log. */
  newestLines(unit: string, count: number): Promise<string>;
};

/** Stopping the agent may take a minute, and starting it another and a half. */
const timeoutMs = 180_000;

/** Null: this host was not booted with systemd. */
export function findSystemd(): Systemd | null {
  // What sd_booted(3) looks at.
  if (!existsSync("/run/systemd/system")) return null;
  return {
    async control(...words) {
      await run("systemctl", words);
    },
    async show(unit, properties) {
      const text = await run("systemctl", ["show", `--property=${properties.join(",")}`, unit]);
      const pairs = text.split("\n").filter((line) => line.includes("="));
      return Object.fromEntries(pairs.map((line) => [line.split("=", 1)[0] ?? "", line.slice(line.indexOf("=") + 1)]));
    },
    async newestLines(unit, count) {
      // For a person who is told of a failure anyhow: without the right to read it, nothing.
      return run("journalctl", [`--unit=${unit}`, `--lines=${count}`, "--output=cat", "--no-pager"]).catch(() => "");
    },
  };
}

function run(program: string, words: string[]): Promise<string> {
  // Fixed, as this runs as root: PATH may be anybody's.
  const env = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" };
  return new Promise((resolve, reject) => {
    execFile(program, words, { env, timeout: timeoutMs, killSignal: "SIGKILL" }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`${program} ${words.join(" ")}: ${stderr.trim() || error.message}`, { cause: error }));
    });
  });
}
