/**
 * Looks after the guard from a thread of its own: makes the group, starts the guard, sees to it that one is always there or
 * stands in itself, and hands over from what an earlier agent left. This thread never opens or starts what the guard might
 * be asked about: it would wait for the guard, and nobody would be left to notice that the guard hangs.
 */
import { randomBytes } from "node:crypto";
import { mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import { type Armed, scopesOf, untilHeld, verify } from "./enforce-armed.ts";
import type { Rules } from "./enforce-decisions.ts";
import { countOf, packDenySet, type Scope, scopes } from "./enforce-deny-set.ts";
import type { FromGuard, GuardState } from "./enforce-guard-messages.ts";
import { type GuardProcess, startGuardProcess } from "./enforce-guard-process.ts";
import { createGroup, errorName, kernel } from "./enforce-kernel.ts";
import { createLeftGuards } from "./enforce-left-guards.ts";
import type { MountWatch } from "./enforce-marks.ts";
import type { Guarded } from "./enforce-mounts.ts";
import { ignoreRuntime } from "./enforce-runtime.ts";
import type { Sighting } from "./enforce-sightings.ts";
import { createStandIn } from "./enforce-stand-in.ts";

export type Supervisor = Awaited<ReturnType<typeof createSupervisor>>;
export type SupervisorOptions = {
  directory: string;
  guarded: Guarded;
  watchBy: MountWatch;
  agentPid: number;
  /** SHA-256 of a file that is banned for the self-test. */
  canary: Buffer;
  onSighting(sighting: Sighting): void;
  onAlarm(code: string, detail: string): void;
};

const startsWithinMs = 30_000;
const closesWithinMs = 5000;
const longestPauseMs = 30_000;
const steadyAfterMs = 60_000;
const touchEveryMs = 5000;

export async function createSupervisor(options: SupervisorOptions) {
  const { directory, guarded, watchBy, agentPid, canary, onSighting, onAlarm } = options;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const nullFd = openSync("/dev/null", "r+");
  const spool = `spool-${randomBytes(6).toString("hex")}`;
  const spoolFd = openSync(join(directory, spool), "a", 0o600);
  const left = createLeftGuards({ directory, spool, onSighting, onAlarm });
  await left.takeUp();
  const touches = setInterval(() => armed !== null && left.touch(), touchEveryMs);

  let armed: Armed | null = null;
  const ordered = new Set<Scope>();
  const trusted = new Set([agentPid]);

  async function writeNotes() {
    const guard = armed?.guard ?? null;
    await left.write(armed === null || guard === null ? null : { pid: guard.pid, scopes: scopesOf(armed.rules.set) });
  }

  function startGuard(into: Armed) {
    const fault = ignoreRuntime(into.groupFd);
    if (fault !== null) onAlarm("GUARD_START", `its own program cannot be kept out of what is asked about: ${fault}`);
    into.retry = null;
    into.startedAt = performance.now();
    const isFirst = !into.isHeld;
    const guard = startGuardProcess({
      groupFd: into.groupFd,
      nullFd,
      spoolFd,
      directory,
      onReady: () => void hand(into, guard, isFirst),
      onGone: (why) => replace(into, guard, why),
      onMessage: takeMessage,
    });
    into.guard = guard;
    into.isGuarding = false;
    const late = setTimeout(() => {
      if (into.guard === guard && !into.isGuarding) guard.end(`it was not ready within ${startsWithinMs / 1000} s`);
    }, startsWithinMs);
    late.unref();
    // Its modules lie on a filesystem that may be guarded, and only this thread answers until it is ready.
    trust(into);
  }

  function trust({ guard, standIn, isGuarding }: Armed) {
    const pids = [...trusted, ...(guard === null ? [] : [guard.pid])];
    standIn?.decisions.setTrusted(pids);
    if (isGuarding) guard?.send({ type: "trust", pids });
  }

  /** From whoever answered until now, if anyone, to a guard that is ready. */
  async function hand(into: Armed, guard: GuardProcess, isFirst: boolean) {
    if (into.guard !== guard) return;
    into.standIn?.end();
    into.standIn = null;
    const pids = [...trusted];
    const start = { guarded, watchBy, canary: canary.toString("hex"), trusted: pids, hasLeftovers: !isFirst };
    guard.send({ type: "start", ...start });
    try {
      let held: Rules | null = null;
      // The rules may change while it takes them.
      while (held !== into.rules) {
        held = into.rules;
        verify(await giveRules(guard, held), held);
      }
      await writeNotes();
    } catch (error) {
      guard.end(error instanceof Error ? error.message : String(error));
      return;
    }
    if (into.guard !== guard) return;
    into.isGuarding = true;
    into.isHeld = true;
    for (const { resolve } of into.settled.splice(0)) resolve();
  }

  function takeMessage(message: Exclude<FromGuard, { type: "ready" | "alive" | "state" | "fault" }>) {
    if (message.type === "sighting") onSighting(message.sighting);
    else onAlarm(message.code, message.detail);
  }

  /** The guard is gone: answers in its place at once, and starts another. */
  function replace(into: Armed, guard: GuardProcess, why: string) {
    if (armed !== into || into.guard !== guard) return;
    into.guard = null;
    into.isGuarding = false;
    into.failures = performance.now() - into.startedAt > steadyAfterMs ? 1 : into.failures + 1;
    if (!into.isHeld) {
      // The very first: nothing is in force yet, and whoever ordered it hears why.
      for (const { reject } of into.settled.splice(0)) reject(new Error(why));
      return;
    }
    if (into.standIn === null) {
      const parts = { groupFd: into.groupFd, guarded, watchBy, canary, tell: onSighting, alarm: onAlarm };
      into.standIn = createStandIn(parts);
      into.standIn.decisions.denyLeftovers();
      into.standIn.setRules(into.rules);
      into.standIn.start();
      for (const { resolve } of into.settled.splice(0)) resolve();
    }
    onAlarm("GUARD_RESTARTED", `the guard ended: ${why}; the agent decides in its place until another runs`);
    const pauseMs = into.failures <= 1 ? 0 : Math.min(1000 * 2 ** (into.failures - 2), longestPauseMs);
    into.retry = setTimeout(() => armed === into && startGuard(into), pauseMs);
    trust(into);
  }

  async function arm(rules: Rules) {
    const groupFd = createGroup();
    if (groupFd < 0) throw new Error(`fanotify_init: ${errorName()}`);
    const into: Armed = {
      groupFd,
      rules,
      guard: null,
      isGuarding: false,
      isHeld: false,
      standIn: null,
      failures: 0,
      startedAt: 0,
      retry: null,
      settled: [],
    };
    armed = into;
    try {
      await new Promise<void>((resolve, reject) => {
        into.settled.push({ resolve, reject });
        startGuard(into);
      });
    } catch (error) {
      armed = null;
      kernel.close(groupFd);
      throw error;
    }
  }

  /** The kernel lets everything pass once the guard, the last holder of the group, is gone. */
  async function disarm() {
    const was = armed;
    armed = null;
    if (was !== null) {
      if (was.retry !== null) clearTimeout(was.retry);
      was.standIn?.end();
      was.guard?.end("prevention was lifted");
      kernel.close(was.groupFd);
    }
    await writeNotes();
  }

  /** Makes the guard hold `rules`, whatever happens to guards meanwhile. */
  async function hold(into: Armed, rules: Rules) {
    into.rules = rules;
    into.standIn?.setRules(rules);
    const { guard } = into;
    if (guard === null || !into.isGuarding) {
      // It gets them when it is ready; until then they are held here.
      if (into.standIn !== null) return;
      await new Promise<void>((resolve, reject) => into.settled.push({ resolve, reject }));
      return;
    }
    try {
      verify(await giveRules(guard, rules), rules);
    } catch (error) {
      // Gone meanwhile: the stand-in took the rules over.
      if (into.guard === guard) throw error;
      return;
    }
    await writeNotes();
  }

  function giveRules(guard: GuardProcess, { set, scripts }: Rules): Promise<GuardState> {
    const { lengths, bytes } = packDenySet(set);
    return guard.ask({ type: "rules", lengths, scripts }, bytes);
  }

  /** Asked of whoever answers now. Null: nothing is in force. Rejects when the guard ends meanwhile. */
  async function state(): Promise<(GuardState & { guardPid: number | null }) | null> {
    const into = armed;
    if (into === null) return null;
    const { guard, isGuarding, standIn } = into;
    if (isGuarding && guard !== null) return { ...(await guard.ask({ type: "state" })), guardPid: guard.pid };
    if (standIn !== null) return { ...standIn.state(), guardPid: null };
    // A guard is taking over.
    await new Promise<void>((resolve, reject) => into.settled.push({ resolve, reject }));
    return state();
  }

  return {
    /** Holds exactly `rules` when it resolves. `scope`: whose order it is. Rejects when no guard can be started. */
    async apply(scope: Scope, rules: Rules) {
      ordered.add(scope);
      const isNothing = scopes.every((each) => countOf(rules.set[each]) === 0);
      if (isNothing) await disarm();
      else if (armed === null) await arm(rules);
      else await hold(armed, rules);
      // Only now: until here they held what was ordered before, together with ours.
      if (await left.endCovered(ordered)) await writeNotes();
    },

    state,
    group: () => armed?.groupFd ?? null,
    nullFd,
    pids: () => (armed?.guard == null ? [] : [armed.guard.pid]),
    trust(pid: number) {
      trusted.add(pid);
      if (armed !== null) trust(armed);
    },
    distrust(pid: number) {
      trusted.delete(pid);
      if (armed !== null) trust(armed);
    },
    /** Leaves the guard in force by itself. Waits a while for one that is just starting. */
    async close() {
      clearInterval(touches);
      const was = armed;
      if (was === null) return;
      if (was.standIn !== null) await untilHeld(was, closesWithinMs).catch(() => {});
      armed = null;
      if (was.retry !== null) clearTimeout(was.retry);
      was.guard?.abandon();
      was.standIn?.end();
      kernel.close(was.groupFd);
    },
  };
}
