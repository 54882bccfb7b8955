/** Makes one of the installed versions the one that runs, and goes back to the one before when it does not start. */
import { setTimeout as wait } from "node:timers/promises";
import { askRunningAgent } from "../control-socket.ts";
import type { Bundle } from "./bundle-copy.ts";
import type { InstalledVersions } from "./installed-versions.ts";
import { type ServicePlaces, writeServiceFiles } from "./service-files.ts";
import { agentUnit, type Systemd } from "./systemd.ts";

export type Activation =
  | { state: "runs" | "unchanged" | "waits-for-enrolment" }
  /** `backTo`: the version that runs again; null: there was none before, or it does not start either. */
  | { state: "failed"; why: string; log: string; backTo: string | null };

/** A version that starts and ends again within this time does not run. */
const settleMs = 3000;

export async function activate({
  bundle,
  versions,
  places,
  systemd,
  stateDir,
  isEnrolled,
}: {
  /** One that was added to `versions`. */
  bundle: Bundle;
  versions: InstalledVersions;
  places: ServicePlaces;
  systemd: Systemd;
  stateDir: string;
  isEnrolled: boolean;
}): Promise<Activation> {
  const before = versions.current();
  const beforeThat = versions.previous();
  const isOther = before?.folder !== bundle.folder;
  const changed = await place(bundle);
  if (!isEnrolled) return { state: "waits-for-enrolment" };
  if (!isOther && !changed && (await runs(bundle)) === null) return { state: "unchanged" };

  const why = await restart(bundle);
  if (why === null) return { state: "runs" };
  const log = await systemd.newestLines(agentUnit, 5);
  if (before === null || !isOther) return { state: "failed", why, log, backTo: null };
  await place(before, beforeThat);
  const whyNotBack = await restart(before);
  if (whyNotBack === null) return { state: "failed", why, log, backTo: before.version };
  return {
    state: "failed",
    why: `${why}; and ${before.version} does not start again: ${whyNotBack}`,
    log,
    backTo: null,
  };

  async function place(wanted: Bundle, previous = versions.current()): Promise<boolean> {
    versions.use(wanted, previous);
    const { units, changed } = writeServiceFiles(wanted.folder, places);
    if (changed) await systemd.control("daemon-reload");
    await systemd.control("enable", "--quiet", ...units);
    return changed;
  }

  async function restart(wanted: Bundle): Promise<string | null> {
    try {
      // Ends when the agent has said that it is ready, or has failed.
      await systemd.control("restart", agentUnit);
      await wait(settleMs);
    } catch (error) {
      return (error as Error).message;
    }
    return runs(wanted);
  }

  /** Null: the agent answers, and is of this version. Otherwise why not. */
  async function runs(wanted: Bundle): Promise<string | null> {
    try {
      const reply = await askRunningAgent(stateDir, { command: "status" });
      if (reply === null) return "the agent does not run";
      const { version } = reply as { version?: string };
      // One that does not tell is older than this question.
      return version === undefined || version === wanted.version ? null : `version ${version} runs`;
    } catch (error) {
      return (error as Error).message;
    }
  }
}
