/**
 * What one supervisor leaves for the next: who guards, so that it is ended only once another does, and a gap is noticed.
 * Files are never waited for in the supervisor's thread: opening one may need an answer of the guard that it looks after.
 */
import { readFileSync } from "node:fs";
import { readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { identify, readBootId } from "../run-process/enforce-process.linux.ts";
import type { Scope } from "./enforce-deny-set.ts";
import type { Sighting } from "./enforce-sightings.ts";

/** Of one guard. `spool`: the file in which it keeps what nobody hears. */
export type Note = { pid: number; startTicks: string; bootId: string; scopes: Scope[]; spool: string };
export type Left = { alive: Note[]; dead: Note[]; lastSeen: string };

const endsWithinMs = 5000;

export function createNoteKeeper({ directory }: { directory: string }) {
  const path = join(directory, "guards.json");
  const bootId = readBootId();

  return {
    /** What was left since the host was started. */
    async read(): Promise<Left> {
      let notes: Note[] = [];
      let lastSeen = "";
      try {
        notes = (JSON.parse(await readFile(path, "utf8")) as Note[]).filter((note) => note.bootId === bootId);
        lastSeen = (await stat(path)).mtime.toISOString();
      } catch {
        // Nothing was in force, or the disk lost it with the host's power.
      }
      return { alive: notes.filter(isAlive), dead: notes.filter((note) => !isAlive(note)), lastSeen };
    },
    note: (guard: Pick<Note, "pid" | "scopes" | "spool">): Note => ({
      ...guard,
      startTicks: identify(guard.pid, bootId)?.startTicks ?? "",
      bootId,
    }),
    async write(notes: readonly Note[]) {
      if (notes.length === 0) return rm(path, { force: true });
      await writeFile(`${path}.new`, JSON.stringify(notes), { mode: 0o600 });
      await rename(`${path}.new`, path);
    },
    /** The time of the file is when prevention was last known to be in force. */
    async touch() {
      const now = new Date();
      // Where it is not written yet there is nothing to date.
      await utimes(path, now, now).catch(() => {});
    },
  };
}

function isAlive({ pid, startTicks, bootId }: Note): boolean {
  return identify(pid, bootId)?.startTicks === startTicks && !isZombie(pid);
}

/** Ends a guard that an earlier agent left. Resolves when it is gone, true, or cannot be ended, false. */
export async function endLeft(note: Note): Promise<boolean> {
  if (isAlive(note)) process.kill(note.pid, "SIGKILL");
  const deadline = performance.now() + endsWithinMs;
  while (isAlive(note)) {
    if (performance.now() > deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return true;
}

function isZombie(pid: number): boolean {
  try {
    return /^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return true;
  }
}

/** What a guard saw while nobody listened. */
export async function readSpool(path: string): Promise<Sighting[]> {
  const text = await readFile(path, "utf8").catch(() => "");
  return text.split("\n").flatMap((line) => {
    try {
      return [JSON.parse(line) as Sighting];
    } catch {
      // The empty end, or a line that was cut when the guard was killed.
      return [];
    }
  });
}
