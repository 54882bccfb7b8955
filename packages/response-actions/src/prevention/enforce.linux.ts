/** Makes prevention true on Linux: a guard process answers the kernel's questions about files that are to be run. */
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { Ability, SettingEnforcer } from "../kit/enforcer.ts";
import type { Block } from "./block.ts";
import type { Scope } from "./enforce-deny-set.ts";
import type { EngineEffect } from "./enforce-engine.ts";
import type { MountWatch } from "./enforce-marks.ts";
import { packRuleNames, type RuleNames } from "./enforce-rule-names.ts";
import type { Sighting } from "./enforce-sightings.ts";
import { type SupervisorThread, startSupervisorThread } from "./enforce-supervisor-thread.ts";
import type { FromWorker } from "./enforce-worker-messages.ts";
import type { PreventionFailure, PreventionWish } from "./prevention.ts";

export type PreventionOptions = {
  /** Absolute, inside the agent's state directory: only root may come in. */
  directory: string;
  /** Where filesystems are mounted that are guarded, with all beneath them; or every real one. */
  guard: "all" | readonly string[];
  /** Called in the agent's main thread. */
  onBlock(block: Block): void;
  onAlarm(alarm: { code: string; detail: string; at: string }): void;
  onScan(progress: { state: "running" | "done"; filesSeen: number; filesFound: number }): void;
  /** How mounts are noticed. The kernel's own reports (from 6.14 on) where there are any. */
  watchMountsBy?: MountWatch;
};

type PreventionEnforcer = SettingEnforcer<PreventionWish, PreventionFailure>;

/**
 * The `detail` of prevention in effect says how many files are banned on which filesystems, and who guards. Files that the
 * host needs are in `refused`. The supervisor's thread starts with the first call.
 */
export function createPreventionEnforcer(options: PreventionOptions): PreventionEnforcer {
  const { directory, guard, onBlock, onAlarm, onScan, watchMountsBy = "events" } = options;
  const names = new Map<Scope, RuleNames>();
  let thread: SupervisorThread | null = null;

  function supervisor(): SupervisorThread {
    thread ??= startSupervisorThread({
      data: { directory, guarded: guard, watchBy: watchMountsBy, agentPid: process.pid },
      onMessage: take,
      onGone(why) {
        thread = null;
        const detail = `nobody looks after the guard until the next order or check: ${why}`;
        onAlarm({ code: "SUPERVISOR_ENDED", detail, at: new Date().toISOString() });
      },
    });
    return thread;
  }

  function take(message: Exclude<FromWorker, { type: "answer" }>) {
    if (message.type === "scan") onScan(message.progress);
    else if (message.type === "alarm") onAlarm({ code: message.code, detail: message.detail, at: message.at });
    else void toBlock(message.sighting).then(onBlock);
  }

  async function toBlock(sighting: Sighting): Promise<Block> {
    const { at, kind, path, hash, algorithm, scope, fileSha256, userId, processes, count } = sighting;
    const ruleName = names.get(scope)?.find(hash) ?? null;
    const userName = userId === null ? null : await findUserName(userId);
    const eventId = randomUUID();
    return {
      eventId,
      at,
      kind,
      path,
      hash,
      algorithm,
      scope,
      ruleName,
      fileSha256,
      userId,
      userName,
      processes,
      count,
    };
  }

  return {
    async ability() {
      if (process.geteuid?.() !== 0) return { able: false, why: "the agent does not run as root" };
      return testSelf(supervisor());
    },

    async enforce({ scope, wish }) {
      names.set(scope, packRuleNames(wish?.files ?? []));
      if (wish === null) return toEffect(await supervisor().call("enforce", { scope, order: null }));
      const digestsOf = (algorithm: "sha256" | "md5") =>
        Buffer.from(wish.files.flatMap((file) => (file.algorithm === algorithm ? [file.hash] : [])).join(""), "hex");
      const order = {
        digests: { sha256: digestsOf("sha256"), md5: digestsOf("md5") },
        scripts: wish.scripts === true,
        killRunning: wish.killRunning === true,
      };
      return toEffect(await supervisor().call("enforce", { scope, order }));
    },

    async readBack(scope) {
      return toEffect(await supervisor().call("readBack", { scope }));
    },

    async close() {
      const closing = thread;
      thread = null;
      await closing?.close();
    },
  };
}

function toEffect(effect: EngineEffect) {
  return effect.state === "in-effect" ? { ...effect, remainingSec: null } : effect;
}

async function testSelf(supervisor: SupervisorThread): Promise<Ability> {
  const probe = await supervisor.call("startProbe", {});
  if ("why" in probe) return { able: false, why: probe.why };
  try {
    const harmless = await run(probe.harmless);
    if (harmless !== "ran") return { able: false, why: `self-test: a harmless program did not run: ${harmless}` };
    const banned = await run(probe.banned);
    return banned === "EPERM"
      ? { able: true }
      : { able: false, why: `self-test: a banned program was not denied: ${banned}` };
  } finally {
    await supervisor.call("endProbe", {});
  }
}

/** "ran", or the code of the error that it met. */
function run(program: string): Promise<string> {
  return new Promise((resolve) => {
    const failed = (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message);
    try {
      const child = spawn(program, { stdio: "ignore", env: {}, cwd: "/" });
      child.once("error", failed);
      child.once("exit", (code, signal) => resolve(code === 0 ? "ran" : `it ended with ${code ?? signal}`));
    } catch (error) {
      // Some errors are thrown, others are an event.
      failed(error as NodeJS.ErrnoException);
    }
  });
}

const longestUserName = 255;

/** From the host's own list only: to ask a directory service takes time, and a host may be cut off from it. */
async function findUserName(userId: number): Promise<string | null> {
  const users = await readFile("/etc/passwd", "utf8").catch(() => "");
  const line = users.split("\n").find((each) => each.split(":")[2] === String(userId));
  return line?.split(":")[0]?.slice(0, longestUserName) ?? null;
}
