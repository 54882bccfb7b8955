import { maxFilesPerPart, type PreventionSet } from "@cordon/contract";
import type { PreventionWish } from "@cordon/response-actions";
import type { Reader } from "../database/database.ts";
import type { SettingRow } from "../database/tables.ts";
import type { BannedFileStore } from "./banned-file-store.ts";
import { toName } from "./prevention-rules.ts";

/** A rule in force as it travels: the parts of a `prevention-set`, as JSON. */
export type SetFrames = { generation: number; parts: readonly Buffer[] };

export type PreventionSets = ReturnType<typeof createPreventionSets>;

/** What is kept for the agents that come next: a rule of 100,000 files without names is 8 MiB. */
const maxKeptBytes = 32 * 1024 * 1024;

/** Makes the parts of rules, once for all agents that need the same ones. */
export function createPreventionSets({ read, files }: { read: Reader; files: BannedFileStore }) {
  /** By what they hold, the one used last at the end. */
  const kept = new Map<string, { frames: Promise<SetFrames>; bytes: number }>();

  /** `base`: the generation that the agent holds, or null. Of a rule that is in force. */
  function framesOf(row: SettingRow, base: number | null): Promise<SetFrames> {
    const reached =
      base !== null && base >= (row.deltas_since ?? row.generation) && base <= row.generation ? base : null;
    // One host's own rule goes to one agent.
    if (row.target !== "all") return make(row, reached);
    const key = `${row.generation} ${reached}`;
    const entry = kept.get(key) ?? { frames: make(row, reached), bytes: 0 };
    kept.delete(key);
    kept.set(key, entry);
    if (entry.bytes === 0) {
      entry.frames.then(
        ({ parts }) => {
          entry.bytes = parts.reduce((sum, part) => sum + part.length, 0);
          forgetOldest();
        },
        () => kept.delete(key),
      );
    }
    return entry.frames;
  }

  async function make(row: SettingRow, base: number | null): Promise<SetFrames> {
    const { scripts = false, killRunning = false }: Omit<PreventionWish, "files"> = JSON.parse(row.wish);
    const lists = base === null ? await listWhole(row) : await listChanges(row, base);
    const parts = lists.map(({ added, removed }, part) => {
      const set: PreventionSet = {
        type: "prevention-set",
        scope: row.target === "all" ? "all" : "host",
        generation: row.generation,
        base,
        part,
        parts: lists.length,
        digest: row.digest ?? "",
        scripts,
        killRunning,
        added,
        removed,
      };
      return Buffer.from(JSON.stringify(set));
    });
    return { generation: row.generation, parts };
  }

  type Lists = Pick<PreventionSet, "added" | "removed">;

  async function listWhole(row: SettingRow): Promise<Lists[]> {
    const lists: Lists[] = [];
    for await (const page of files.list(read, row.target, row.generation)) {
      if (page.length > 0) lists.push({ added: page.map(toEntry), removed: [] });
    }
    return lists.length === 0 ? [{ added: [], removed: [] }] : lists;
  }

  async function listChanges(row: SettingRow, base: number): Promise<Lists[]> {
    const { added, removed } = await files.listChanges(read, row.target, { base, generation: row.generation });
    const count = Math.max(1, Math.ceil(added.length / maxFilesPerPart), Math.ceil(removed.length / maxFilesPerPart));
    return Array.from({ length: count }, (_, part) => {
      const [start, end] = [part * maxFilesPerPart, (part + 1) * maxFilesPerPart];
      return { added: added.slice(start, end).map(toEntry), removed: removed.slice(start, end) };
    });
  }

  function forgetOldest(): void {
    let bytes = [...kept.values()].reduce((sum, entry) => sum + entry.bytes, 0);
    for (const [key, entry] of kept) {
      // The one that was just made stays: its agents come now.
      if (bytes <= maxKeptBytes || kept.size === 1) return;
      kept.delete(key);
      bytes -= entry.bytes;
    }
  }

  return { framesOf };
}

function toEntry({ hash, name }: { hash: string; name: string | null }): PreventionSet["added"][number] {
  return { hash, name: toName(name) };
}
