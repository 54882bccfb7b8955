import type { BannedFile, PreventionWish } from "@cordon/response-actions";
import type { Database, Reader, Tx } from "../database/database.ts";
import type { BannedFileStore } from "./banned-file-store.ts";
import { digestOf, maxEarlyPlans, type RulePlan, toName, toStoredName } from "./prevention-rules.ts";
import { settingStore } from "./setting-store.ts";

/** What is to change in the wish of a scope; a file that is there already gets the name given here. */
export type RuleEdit = { add: BannedFile[]; remove: string[] };
/** `files`: how many the wish has afterwards; `others`: what it says beside its files. */
export type EditPlan = RulePlan & { files: number; others: Omit<PreventionWish, "files"> };

/** What an edit is made of, as it was read; `isCurrent` reports, in the turn, whether it still is so. */
export type PreparedEdit<T> = {
  edits: ReadonlyMap<string, RuleEdit>;
  isCurrent(tx: Tx): Promise<boolean>;
  order(tx: Tx, plans: ReadonlyMap<string, EditPlan>): Promise<T>;
};

/** Changes wishes of prevention by single files, at the cost of reading each of them once. */
export function createRuleEdits({ database, files }: { database: Database; files: BannedFileStore }) {
  async function plan(db: Reader | Tx, target: string, { add, remove }: RuleEdit): Promise<EditPlan> {
    const row = await settingStore.find(db, target, "prevention");
    const base = row?.generation ?? 0;
    const added = new Map(add.map((file) => [file.hash, file]));
    const unwanted = new Set(remove);
    const kept: BannedFile[] = [];
    const removed: string[] = [];
    for await (const page of files.list(db, target, base)) {
      for (const { hash, name } of page) {
        const next = added.get(hash);
        if (next !== undefined && toStoredName(next.name) === name) added.delete(hash);
        if (unwanted.has(hash) || added.has(hash)) removed.push(hash);
        else kept.push({ algorithm: hash.length === 32 ? "md5" : "sha256", hash, name: toName(name) });
      }
    }
    const result = [...kept, ...added.values()];
    return {
      base,
      added: [...added.values()].map(({ hash, name }, position) => ({ hash, name: toStoredName(name), position })),
      removed,
      digest: digestOf(result),
      files: result.length,
      // What was lifted is over, and so is how strictly it was meant.
      others: row === undefined || row.enabled === 0 ? {} : JSON.parse(row.wish),
    };
  }

  async function planAll(db: Reader | Tx, edits: ReadonlyMap<string, RuleEdit>): Promise<Map<string, EditPlan>> {
    const plans = new Map<string, EditPlan>();
    for (const [target, edit] of edits) plans.set(target, await plan(db, target, edit));
    return plans;
  }

  async function areCurrent(tx: Tx, plans: ReadonlyMap<string, EditPlan>): Promise<boolean> {
    for (const [target, { base }] of plans) {
      const row = await settingStore.find(tx, target, "prevention");
      if ((row?.generation ?? 0) !== base) return false;
    }
    return true;
  }

  return {
    /** Reads and plans before its turn, which every order waits for; again where another order came in between. */
    async orderInTurn<T>(prepare: (db: Reader | Tx) => Promise<PreparedEdit<T>>): Promise<T> {
      const read = async (db: Reader | Tx) => {
        const prepared = await prepare(db);
        return { prepared, plans: await planAll(db, prepared.edits) };
      };
      for (let attempt = 1; ; attempt++) {
        const early = attempt < maxEarlyPlans ? await read(database.read) : null;
        const outcome = await database.writeInTurn(async (tx) => {
          const { prepared, plans } = early ?? (await read(tx));
          const current = early === null || ((await prepared.isCurrent(tx)) && (await areCurrent(tx, plans)));
          return current ? { result: await prepared.order(tx, plans) } : null;
        });
        if (outcome !== null) return outcome.result;
      }
    },
  };
}
