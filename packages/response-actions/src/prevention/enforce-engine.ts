/** Prevention as the supervisor's thread does it: what is ordered for each scope, made one, and read back. */
import { readFileSync } from "node:fs";
import type { RefusedPart } from "../kit/enforcer.ts";
import type { Rules } from "./enforce-decisions.ts";
import { countOf, nothingBanned, type Scope, type ScopeDigests, scopes, sortDigests } from "./enforce-deny-set.ts";
import type { GuardState } from "./enforce-guard-messages.ts";
import { createHostNeeds, withoutNeeded } from "./enforce-host-needs.ts";
import { fanotify } from "./enforce-kernel.ts";
import { type Filesystem, leadsTo } from "./enforce-marks.ts";
import { collectRubbish } from "./enforce-memory.ts";
import { findGuardFault, guardedMounts, readMounts, readRootDevices } from "./enforce-mounts.ts";
import { createCanary, type Probe, startProbe } from "./enforce-probe.ts";
import { createScanning, type ScanEvent } from "./enforce-scanning.ts";
import { createSupervisor, type SupervisorOptions } from "./enforce-supervisor.ts";
import type { PreventionFailure } from "./prevention.ts";

export type Engine = Awaited<ReturnType<typeof createEngine>>;
export type EngineOptions = Omit<SupervisorOptions, "canary"> & { onScan(event: ScanEvent): void };
/** `digests`: one after the other in any order. */
export type Order = { digests: ScopeDigests; scripts: boolean; killRunning: boolean };
export type EngineEffect =
  | { state: "lifted" }
  | { state: "in-effect"; detail: string; refused: RefusedPart[] }
  | { state: "failed"; reason: PreventionFailure; detail: string };

type Wish = { asked: ScopeDigests; left: ScopeDigests; scripts: boolean; killRunning: boolean; refused: RefusedPart[] };

const lookAgainEveryMs = 60_000;
const rubbishAfterMs = 500;

export async function createEngine(options: EngineOptions) {
  const { guarded } = options;
  const content = createCanary();
  const supervisor = await createSupervisor({ ...options, canary: content.canary });
  const scanning = createScanning({ ...options, supervisor });
  const hostNeeds = createHostNeeds();
  const wishes = new Map<Scope, Wish>();
  let probing: { end(): void } | null = null;
  /** Orders, and what is looked at again from time to time, one after the other. */
  let queue: Promise<unknown> = Promise.resolve();
  const looks = setInterval(() => void inTurn(lookAgain).catch(() => {}), lookAgainEveryMs);

  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = queue.then(work);
    queue = turn.catch(() => {});
    return turn;
  }

  function rules(): Rules {
    return {
      set: {
        host: wishes.get("host")?.left ?? nothingBanned(),
        all: wishes.get("all")?.left ?? nothingBanned(),
      },
      scripts: scopes.some((scope) => wishes.get(scope)?.scripts === true),
    };
  }

  async function toWish({ digests, scripts, killRunning }: Order): Promise<Wish> {
    const asked = { sha256: sortDigests(digests.sha256, "sha256"), md5: sortDigests(digests.md5, "md5") };
    const needed = await hostNeeds.findIn(asked);
    const refused = needed.map(({ digest, what }) => ({
      part: digest.toString("hex"),
      reason: "HOST_NEEDS_IT",
      detail: `it is ${what}`,
    }));
    return { asked, left: withoutNeeded(asked, needed), scripts, killRunning, refused };
  }

  /** A program that the host needs may have been updated to one that is banned. */
  async function lookAgain() {
    let isChanged = false;
    for (const [scope, { asked, scripts, killRunning, refused }] of wishes) {
      const next = await toWish({ digests: asked, scripts, killRunning });
      if (next.refused.map(({ part }) => part).join() === refused.map(({ part }) => part).join()) continue;
      wishes.set(scope, next);
      isChanged = true;
    }
    if (isChanged) for (const scope of wishes.keys()) await supervisor.apply(scope, rules());
  }

  async function enforce(scope: Scope, order: Order | null): Promise<EngineEffect> {
    if (order !== null) {
      const fault = findGuardFault(guarded, readMounts("self"), readRootDevices());
      if (fault !== null) return { state: "failed", reason: "GUARD_PATH", detail: fault };
    }
    const before = wishes.get(scope);
    if (order === null) wishes.delete(scope);
    else wishes.set(scope, await toWish(order));
    try {
      await supervisor.apply(scope, rules());
    } catch (error) {
      if (before === undefined) wishes.delete(scope);
      else wishes.set(scope, before);
      return { state: "failed", reason: "GUARD_FAILED", detail: messageOf(error) };
    }
    if (wishes.size === 0) scanning.stop();
    else if (order !== null) scanning.start({ rules: rules(), killScopes: killScopes() });
    // Once nobody waits for it.
    setTimeout(collectRubbish, rubbishAfterMs).unref();
    return readBack(scope);
  }

  const killScopes = () => scopes.filter((scope) => wishes.get(scope)?.killRunning === true);

  async function readBack(scope: Scope): Promise<EngineEffect> {
    const wish = wishes.get(scope);
    if (wish === undefined) return { state: "lifted" };
    if (countOf(wish.left) === 0) return allRefused(wish.refused);
    const effect = await compare(wish);
    // Something may have been unmounted just between the two looks.
    return effect.state === "failed" && effect.reason === "READ_BACK_DIFFERS" ? compare(wish) : effect;
  }

  async function compare(wish: Wish): Promise<EngineEffect> {
    // Before the guard is asked: it follows what is mounted before it answers.
    const mounts = guardedMounts(readMounts("self"), guarded, readRootDevices());
    const expected = mounts.filter((mount) => leadsTo(mount, mount.mountPoint));
    let state: Awaited<ReturnType<typeof supervisor.state>>;
    try {
      state = await supervisor.state();
    } catch (error) {
      return { state: "failed", reason: "GUARD_FAILED", detail: messageOf(error) };
    }
    const groupFd = supervisor.group();
    if (state === null || groupFd === null) {
      return { state: "failed", reason: "READ_BACK_DIFFERS", detail: "nothing is in force" };
    }
    const { scripts } = rules();
    const marked = readMarked(groupFd, scripts);
    const missing = [...expected, ...state.filesystems].find(({ device }) => !marked.has(device));
    if (missing !== undefined) {
      const detail = `the kernel does not ask about ${missing.type} at ${missing.mountPoint}`;
      return { state: "failed", reason: "READ_BACK_DIFFERS", detail };
    }
    return { state: "in-effect", detail: detailOf(countOf(wish.left), scripts, state), refused: wish.refused };
  }

  return {
    enforce: (scope: Scope, order: Order | null) => inTurn(() => enforce(scope, order)),
    readBack: (scope: Scope) => inTurn(() => readBack(scope)),
    /** Call `endProbe` once both were run, or not. */
    startProbe(): Probe | { why: string } {
      probing?.end();
      probing = null;
      const started = startProbe({ supervisor, content });
      if ("why" in started) return started;
      probing = started;
      return { banned: started.banned, harmless: started.harmless };
    },
    endProbe() {
      probing?.end();
      probing = null;
    },
    async close() {
      clearInterval(looks);
      scanning.stop();
      probing?.end();
      await supervisor.close();
    },
  };
}

/** The devices that the kernel asks the group about, from its own list (proc(5), fdinfo). */
function readMarked(groupFd: number, scripts: boolean): Set<string> {
  const wanted = fanotify.openExecPermission | (scripts ? fanotify.openPermission : 0);
  const text = readFileSync(`/proc/self/fdinfo/${groupFd}`, "utf8");
  const devices = new Set<string>();
  for (const [, device = "", mask = ""] of text.matchAll(/^fanotify sdev:([0-9a-f]+) mflags:\S+ mask:([0-9a-f]+)/gm)) {
    const number = Number.parseInt(device, 16);
    if ((Number.parseInt(mask, 16) & wanted) === wanted) devices.add(`${number >>> 20}:${number & 0xfffff}`);
  }
  return devices;
}

function allRefused(refused: readonly RefusedPart[]): EngineEffect {
  const detail = `every file of the rule is one that the host needs: ${refused.map((part) => part.detail).join("; ")}`;
  return { state: "failed", reason: "HOST_NEEDS_IT", detail: detail.slice(0, 1000) };
}

const namedFilesystems = 5;

function detailOf(
  count: number,
  scripts: boolean,
  { filesystems, guardPid }: GuardState & { guardPid: number | null },
): string {
  const files = `${count.toLocaleString("en-US")} ${count === 1 ? "file" : "files"} banned`;
  const where = `on ${filesystems.length} ${filesystems.length === 1 ? "filesystem" : "filesystems"}`;
  const who = guardPid === null ? "the agent stands in for the guard" : `guard process ${guardPid}`;
  return `${files} ${where} (${nameFilesystems(filesystems)}); scripts mode ${scripts ? "on" : "off"}; ${who}`;
}

function nameFilesystems(filesystems: readonly Filesystem[]): string {
  const named = filesystems.slice(0, namedFilesystems).map(({ type, mountPoint }) => `${type} ${mountPoint}`);
  return [...named, ...(filesystems.length > namedFilesystems ? ["…"] : [])].join(", ");
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
