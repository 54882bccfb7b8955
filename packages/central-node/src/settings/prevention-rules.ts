import { createHash } from "node:crypto";
import { preventionLine } from "@cordon/contract";
import type { BannedFile, PreventionWish } from "@cordon/response-actions";
import type { Database, Reader, Tx } from "../database/database.ts";
import type { SettingRow } from "../database/tables.ts";
import type { BannedFileStore, RuleChange, StoredFile } from "./banned-file-store.ts";
import { settingStore } from "./setting-store.ts";

/** What an order of a rule changes, worked out before its turn comes; `base`: the generation that it was worked out against. */
export type RulePlan = RuleChange & { base: number; digest: string };
/** The columns of a setting that only prevention has. */
export type RuleColumns = Pick<SettingRow, "digest" | "deltas_since">;

export type PreventionRules = ReturnType<typeof createPreventionRules>;

/** How far back changes are known. An agent that was away for longer gets the whole rule. */
const generationsKept = 50;
const endedFilesKept = 20_000;
/** After so many that another order outran, the plan is made in the turn, where none can. */
export const maxEarlyPlans = 4;

/** The files of prevention's wishes, which are too many to be written anew, or told anew, with each change. */
export function createPreventionRules({ database, files }: { database: Database; files: BannedFileStore }) {
  /** Long work for a large rule, so not in the turn that every order waits for. */
  async function plan(db: Reader | Tx, target: string, wanted: readonly BannedFile[]): Promise<RulePlan> {
    const base = (await settingStore.find(db, target, "prevention"))?.generation ?? 0;
    const names = new Map(wanted.map(({ hash, name }) => [hash, toStoredName(name)]));
    const removed: string[] = [];
    const unchanged = new Set<string>();
    for await (const page of files.list(db, target, base)) {
      for (const { hash, name } of page) {
        if (names.get(hash) === name) unchanged.add(hash);
        else removed.push(hash);
      }
    }
    const added = wanted
      .flatMap(({ hash, name }, position) =>
        unchanged.has(hash) ? [] : [{ hash, name: toStoredName(name), position }],
      )
      // In the order of the indexes they go in three times as fast.
      .sort((a, b) => (a.hash < b.hash ? -1 : 1));
    return { base, added, removed, digest: digestOf(wanted) };
  }

  return {
    /** Runs `order` in the turn of its transaction, with what it changes. Again where another order came in between. */
    async orderInTurn<T>(
      target: string,
      wanted: readonly BannedFile[],
      order: (tx: Tx, plan: RulePlan) => Promise<T>,
    ): Promise<T> {
      for (let attempt = 1; ; attempt++) {
        const early = attempt < maxEarlyPlans ? await plan(database.read, target, wanted) : null;
        const outcome = await database.writeInTurn(async (tx) => {
          if (early === null) return { result: await order(tx, await plan(tx, target, wanted)) };
          const generation = (await settingStore.find(tx, target, "prevention"))?.generation ?? 0;
          return generation === early.base ? { result: await order(tx, early) } : null;
        });
        if (outcome !== null) return outcome.result;
      }
    },

    async write(tx: Tx, target: string, before: SettingRow | undefined, change: RulePlan): Promise<RuleColumns> {
      const generation = change.base + 1;
      const keepRemoved = change.removed.length + (await files.countEnded(tx, target)) <= endedFilesKept;
      await files.write(tx, { target, generation, keepRemoved }, change);
      // Where nothing was before, everything is known since generation 0.
      const known = Math.max(before?.deltas_since ?? 0, generation - generationsKept);
      const since = keepRemoved ? known : generation;
      await files.forgetEnded(tx, target, since);
      return { digest: change.digest, deltas_since: since };
    },

    /** The whole wish of a setting in force, with its files in the order in which they came. */
    async read(row: SettingRow): Promise<PreventionWish | null> {
      const stored: StoredFile[] = [];
      for await (const page of files.list(database.read, row.target, row.generation)) stored.push(...page);
      // Of an older generation some files may be gone by now.
      const now = await settingStore.find(database.read, row.target, "prevention");
      if (now?.generation !== row.generation) return null;
      stored.sort((a, b) => a.since_generation - b.since_generation || a.position - b.position);
      return { files: stored.map(toBannedFile), ...JSON.parse(row.wish) };
    },

    forget: (tx: Tx, target: string): Promise<void> => files.forget(tx, target),
  };
}

/** What of a wish stands in the setting itself: all but the files. */
export function withoutFiles({ files: _, ...others }: PreventionWish): Omit<PreventionWish, "files"> {
  return others;
}

export function toName(stored: string | null): string | null {
  return stored === null ? null : JSON.parse(stored);
}

export function toStoredName(name: string | null): string | null {
  return name === null ? null : JSON.stringify(name);
}

function toBannedFile({ hash, name }: Pick<StoredFile, "hash" | "name">): BannedFile {
  return { algorithm: hash.length === 32 ? "md5" : "sha256", hash, name: toName(name) };
}

export function digestOf(files: readonly BannedFile[]): string {
  const digest = createHash("sha256");
  for (const { hash, name } of files.toSorted((a, b) => (a.hash < b.hash ? -1 : 1)))
    digest.update(preventionLine(hash, name));
  return digest.digest("hex");
}
