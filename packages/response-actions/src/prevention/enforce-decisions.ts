/**
 * Reads what the kernel asks about files that are to be run or opened, and answers from the digests of their content. The
 * guard does nothing else; the supervisor stands in while there is none. Whoever asked waits, so nothing here may wait.
 */
import { pathOf, readAsker } from "./enforce-askers.ts";
import { type DenySet, type Found, findBanned, scopes } from "./enforce-deny-set.ts";
import {
  createDigestStore,
  type Digests,
  type Hashing,
  holdWriters,
  type Identity,
  identify,
  startHashing,
} from "./enforce-digests.ts";
import { fanotify, kernel } from "./enforce-kernel.ts";
import type { createSightings } from "./enforce-sightings.ts";

export type Rules = { set: DenySet; scripts: boolean };
export type Decisions = ReturnType<typeof createDecisions>;

type Asked = { fd: number; pid: number; isExec: boolean };
/** `isHeld`: no writer can come while it is hashed, so that those who ask meanwhile can have the same answer. */
type Job = { asked: Asked[]; identity: Identity; hashing: Hashing; isHeld: boolean; remembers: boolean; tries: number };

/** So few that the numbers of their descriptors stay below `leftoverNumbers`. */
const maxAtOnce = 256;
const leftoverNumbers = 1024;
const metadataBytes = 24;
const maxTries = 3;
/** Of a file that is only opened in scripts mode: no script is bigger, and databases and disk images are opened as well. */
const largestScriptBytes = 64 * 1024 * 1024;

export function createDecisions({
  groupFd,
  canary,
  sightings,
  saw,
}: {
  groupFd: number;
  /** SHA-256 of a file that is banned for the self-test, and never reported. */
  canary: Buffer;
  sightings: ReturnType<typeof createSightings>;
  /** Called before an answer, with the mount by which a program is reached. */
  saw(pid: number, mount: string): void;
}) {
  const store = createDigestStore({ groupFd });
  const jobs: Job[] = [];
  const waiting: Asked[] = [];
  const knownBad = new Set<string>();
  const events = Buffer.alloc(metadataBytes * 32);
  const reply = Buffer.alloc(8);
  let rules: Rules | null = null;
  let withMd5 = false;
  /** Whose opening is answered at once: they must be able to read what is banned, or must not wait. */
  let trusted = new Set<number>();
  let denied = 0;

  function answer(fd: number, verdict: number) {
    reply.writeInt32LE(fd, 0);
    reply.writeUInt32LE(verdict, 4);
    kernel.write(groupFd, reply, 8);
  }

  function settle({ fd }: Asked, verdict: number) {
    answer(fd, verdict);
    // Also lets writers in again.
    kernel.close(fd);
  }

  /** Takes from the kernel what waits there. What was written to is forgotten at once. False: more may be waiting. */
  function readEvents(): boolean {
    for (;;) {
      if (jobs.length + waiting.length >= maxAtOnce) return false;
      const length = kernel.read(groupFd, events, events.length);
      if (length <= 0) return true;
      for (let at = 0; at + metadataBytes <= length; at += events.readUInt32LE(at)) {
        const fd = events.readInt32LE(at + 16);
        if (fd < 0) continue;
        const mask = events.readUInt32LE(at + 8);
        if ((mask & (fanotify.openPermission | fanotify.openExecPermission)) !== 0) {
          const isExec = (mask & fanotify.openExecPermission) !== 0;
          waiting.push({ fd, pid: events.readInt32LE(at + 20), isExec });
          continue;
        }
        const identity = identify(fd);
        if (identity !== null) store.forget(fd, identity);
        kernel.close(fd);
      }
    }
  }

  function consider(asked: Asked) {
    const { fd, pid, isExec } = asked;
    if (!isExec && trusted.has(pid)) return settle(asked, fanotify.allow);
    begin([asked], fd, 0);
  }

  /** With writers held off where that can be done. */
  function begin(asked: Asked[], fd: number, tries: number) {
    const before = identify(fd);
    if (before === null) return refuse(asked);
    for (const { pid } of asked) saw(pid, before.mount);
    if (!before.isRegular || before.size === 0) return conclude(asked, before, null);
    const isTraced = store.tracesWriters(fd, before);
    const known = isTraced ? store.recall(before) : null;
    if (known !== null) return conclude(asked, before, known);

    const isHeld = holdWriters(fd);
    const identity = identify(fd);
    if (identity === null) return refuse(asked);
    if (isHeld) {
      // What waits in the queue may be the end of a writer. No other can come while the file is held.
      const digests = !isTraced && readEvents() ? store.recall(identity) : null;
      if (digests !== null) return conclude(asked, identity, digests);
      const same = jobs.find((job) => job.isHeld && isSame(job.identity, identity));
      if (same !== undefined) {
        same.asked.push(...asked);
        return;
      }
    }
    const isOnlyOpened = rules?.scripts === true && asked.every(({ isExec }) => !isExec);
    if (isOnlyOpened && identity.size > largestScriptBytes && !knownBad.has(identity.file)) {
      return conclude(asked, identity, null);
    }
    const remembers = isHeld && store.mayRemember(fd, identity);
    const hashing = startHashing(fd, { size: identity.size, withMd5 });
    const job: Job = { asked, identity, hashing, isHeld, remembers, tries };
    if (!step(job)) jobs.push(job);
  }

  /** Reports whether it is done with. */
  function step(job: Job): boolean {
    const digests = job.hashing.step();
    if (digests === null) return false;
    const { asked, identity } = job;
    const fd = asked[0]?.fd ?? -1;
    const after = identify(fd);
    if (digests === "unreadable" || after === null) refuse(asked);
    else if (isSame(after, identity)) {
      if (job.remembers) store.remember(identity, digests);
      conclude(asked, identity, digests);
    } else if (job.tries >= maxTries) refuse(asked);
    else begin(asked, fd, job.tries + 1);
    return true;
  }

  /** What cannot be read is not run. */
  function refuse(asked: Asked[]) {
    for (const each of asked) settle(each, fanotify.deny);
  }

  /** `digests` null: nothing that could be banned. */
  function conclude(asked: Asked[], identity: Identity, digests: Digests | null) {
    if (digests !== null && canary.equals(digests.sha256)) return refuse(asked);
    const found = digests === null || rules === null ? null : judge(digests, rules.set);
    for (const each of asked) {
      if (found === null || digests === null) {
        // It was known to be bad, and is no longer: its openings need not be asked about.
        if (!each.isExec && rules?.scripts === false) removeMark(each.fd, identity);
        settle(each, fanotify.allow);
        continue;
      }
      denied += 1;
      addMark(each.fd, identity);
      const path = pathOf(each.fd);
      const { scope, algorithm } = found;
      const hash = found.hash.toString("hex");
      sightings.take({
        key: `${hash} ${path}`,
        look: () => ({
          kind: "denied",
          ...readAsker(each.pid),
          at: new Date().toISOString(),
          path,
          hash,
          algorithm,
          scope,
          fileSha256: digests.sha256.toString("hex"),
          count: 1,
        }),
      });
      settle(each, fanotify.deny);
    }
  }

  /** From now on an interpreter cannot open it either. */
  function addMark(fd: number, { file }: Identity) {
    if (knownBad.has(file)) return;
    knownBad.add(file);
    kernel.fanotifyMark(groupFd, fanotify.add, fanotify.openPermission, fd, null);
  }

  function removeMark(fd: number, { file }: Identity) {
    knownBad.delete(file);
    kernel.fanotifyMark(groupFd, fanotify.remove, fanotify.openPermission, fd, null);
  }

  return {
    setRules(next: Rules) {
      const wantsMd5 = scopes.some((scope) => next.set[scope].md5.length > 0);
      if (wantsMd5 && !withMd5) store.clear();
      withMd5 = wantsMd5;
      rules = next;
    },
    setTrusted(pids: readonly number[]) {
      trusted = new Set(pids);
    },
    /** Denies what an earlier holder of the group read and never answered: nobody knows any more what it was. */
    denyLeftovers() {
      for (let fd = 0; fd < leftoverNumbers; fd += 1) answer(fd, fanotify.deny);
    },
    /** Takes what waits and goes one step on with each file that is being hashed. */
    pass() {
      readEvents();
      for (let asked = waiting.shift(); asked !== undefined; asked = waiting.shift()) consider(asked);
      for (const job of jobs.splice(0)) if (!step(job)) jobs.push(job);
    },
    /** Goes on with what was taken and takes nothing new. */
    finish() {
      for (const job of jobs.splice(0)) if (!step(job)) jobs.push(job);
    },
    isBusy: () => jobs.length > 0,
    counts: () => ({ denied, remembered: store.count(), knownBad: knownBad.size }),
  };
}

function isSame(a: Identity, b: Identity): boolean {
  return a.file === b.file && a.version === b.version;
}

/** Kept with the digests until the rules are others. */
const judged = new WeakMap<Digests, { set: DenySet; found: Found | null }>();

function judge(digests: Digests, set: DenySet): Found | null {
  const known = judged.get(digests);
  if (known?.set === set) return known.found;
  const found = findBanned(set, digests);
  judged.set(digests, { set, found });
  return found;
}
