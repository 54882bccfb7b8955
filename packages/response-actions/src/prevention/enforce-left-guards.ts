/** The guards that earlier agents left: they go on until what they hold is held by ours, and what they saw is told. */
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Scope } from "./enforce-deny-set.ts";
import { createNoteKeeper, endLeft, type Note, readSpool } from "./enforce-predecessor.ts";
import type { Sighting } from "./enforce-sightings.ts";

/** `spool`: the name of our own, which stays. */
export function createLeftGuards({
  directory,
  spool,
  onSighting,
  onAlarm,
}: {
  directory: string;
  spool: string;
  onSighting(sighting: Sighting): void;
  onAlarm(code: string, detail: string): void;
}) {
  const notes = createNoteKeeper({ directory });
  let left: Note[] = [];

  async function tellSpooled(note: Note) {
    const path = join(directory, note.spool);
    for (const sighting of await readSpool(path)) onSighting(sighting);
    if (note.spool !== spool) await rm(path, { force: true });
  }

  async function write(own: { pid: number; scopes: Scope[] } | null) {
    await notes.write([...left, ...(own === null ? [] : [notes.note({ ...own, spool })])]);
  }

  return {
    async takeUp() {
      const { alive, dead, lastSeen } = await notes.read();
      if (alive.length === 0 && dead.length > 0) {
        onAlarm("GUARD_GAP", `agent and guard had both ended, and banned files could run; seen last ${lastSeen}`);
      }
      for (const note of dead) await tellSpooled(note);
      left = alive;
      await write(null);
      for (const name of await readdir(directory)) {
        const isOld = name.startsWith("spool-") && name !== spool && !alive.some((note) => note.spool === name);
        if (isOld) await rm(join(directory, name), { force: true });
      }
    },
    /** Who guards, for the next supervisor. Null: nobody of ours. */
    write,
    touch: notes.touch,
    /** Ends those of which every scope is in `ordered`: ours holds that now. Reports whether there were any. */
    async endCovered(ordered: ReadonlySet<Scope>): Promise<boolean> {
      const ending = left.filter((note) => note.scopes.every((scope) => ordered.has(scope)));
      left = left.filter((note) => !ending.includes(note));
      for (const note of ending) {
        if (await endLeft(note)) await tellSpooled(note);
        else onAlarm("GUARD_LEFT", `a guard of an earlier agent, process ${note.pid}, cannot be ended`);
      }
      return ending.length > 0;
    },
  };
}
