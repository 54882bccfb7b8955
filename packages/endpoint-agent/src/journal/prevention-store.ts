import { createHash } from "node:crypto";
import type { BannedFile, PreventionWish } from "@cordon/response-actions";
import type { JournalDatabase } from "./journal-database.ts";
import type { Scope, SettingRecord } from "./setting-store.ts";

/** What a setting's record holds of a prevention wish: all but the files, which are rows. */
export type KeptRule = {
  /** Of the files, as in the agent protocol's `PreventionSet`. */
  digest: string;
  /** Whose files they are: an order that was refused has a newer one. */
  generation: number;
  scripts: boolean;
  killRunning: boolean;
};
type NamedHash = { hash: string; name: string | null };

const rowsPerPage = 1000;

export type PreventionStore = ReturnType<typeof createPreventionStore>;

/**
 * The files of prevention rules, one row each, so that a change of one costs one; and the parts of a set that has not come
 * as a whole yet. Call what writes within a transaction.
 */
export function createPreventionStore({ prepare }: JournalDatabase) {
  const store = {
    replace(scope: Scope, files: readonly NamedHash[]) {
      store.clear(scope);
      for (const { hash, name } of files) putFile(scope, hash, name);
    },
    clear(scope: Scope) {
      prepare("DELETE FROM prevention_file WHERE scope = ?").run(scope);
    },
    /** Makes a set that came in one part the rule (`whole`), or changes the rule by it. */
    apply(
      scope: Scope,
      { added, removed }: { added: readonly NamedHash[]; removed: readonly string[] },
      { whole }: { whole: boolean },
    ) {
      // Of a longer set that was never complete.
      store.dropStaged(scope);
      if (whole) store.clear(scope);
      const remove = prepare("DELETE FROM prevention_file WHERE scope = ? AND hash = ?");
      for (const hash of removed) remove.run(scope, hash);
      for (const { hash, name } of added) putFile(scope, hash, name);
    },
    /** Lays parts of a set aside. Later ones about the same hash win. */
    stage(scope: Scope, { added, removed }: { added: readonly NamedHash[]; removed: readonly string[] }) {
      const put = prepare("INSERT OR REPLACE INTO prevention_part (scope, hash, name) VALUES (?, ?, ?)");
      for (const hash of removed) put.run(scope, hash, null);
      for (const { hash, name } of added) put.run(scope, hash, JSON.stringify(name));
    },
    dropStaged(scope: Scope) {
      prepare("DELETE FROM prevention_part WHERE scope = ?").run(scope);
    },
    countStaged: (scope: Scope): number => count("prevention_part", scope),
    /** Makes what was laid aside the rule (`whole`), or changes the rule by it. */
    applyStaged(scope: Scope, { whole }: { whole: boolean }) {
      if (whole) store.clear(scope);
      prepare(
        `DELETE FROM prevention_file WHERE scope = ?1
         AND hash IN (SELECT hash FROM prevention_part WHERE scope = ?1 AND name IS NULL)`,
      ).run(scope);
      prepare(
        `INSERT OR REPLACE INTO prevention_file (scope, hash, name)
         SELECT scope, hash, name FROM prevention_part WHERE scope = ? AND name IS NOT NULL`,
      ).run(scope);
      store.dropStaged(scope);
    },
    count: (scope: Scope): number => count("prevention_file", scope),
    /** Of the rule, as `PreventionSet` says: these lines are its `preventionLine`s. */
    digest(scope: Scope): string {
      const digest = createHash("sha256");
      for (let after = ""; ; ) {
        // Lines of many rows as one text: an object for each row would cost ten times the memory.
        const page = prepare(
          `SELECT max(hash) AS last, group_concat(hash || ' ' || name || char(10), '') AS lines FROM
           (SELECT hash, name FROM prevention_file WHERE scope = ? AND hash > ? ORDER BY hash LIMIT ?)`,
        ).get(scope, after, rowsPerPage);
        if (page?.lines == null) return digest.digest("hex");
        digest.update(String(page.lines));
        after = String(page.last);
      }
    },
    /** The wish that an enforcer gets: short-lived, as it holds every file. */
    wishOf(scope: Scope, { scripts, killRunning }: KeptRule): PreventionWish {
      const files: BannedFile[] = [];
      const read = prepare("SELECT hash, name FROM prevention_file WHERE scope = ? ORDER BY hash");
      // Arrays take a fraction of what objects take.
      read.setReturnArrays(true);
      for (const row of read.iterate(scope)) {
        // Only this file writes the columns.
        const [hash = "", name = "null"] = row as unknown as string[];
        files.push({
          algorithm: hash.length === 32 ? "md5" : "sha256",
          hash,
          name: name === "null" ? null : (JSON.parse(name) as string),
        });
      }
      return { files, scripts, killRunning };
    },
    /**
     * Takes over what an agent of protocol 1 wrote, with the files inside the record; it may have been an agent that came
     * after one of ours and knew nothing of the rows.
     */
    takeOver(records: readonly SettingRecord[], put: (record: SettingRecord) => void) {
      const rules = new Map(
        records.filter(({ action }) => action === "prevention").map((record) => [record.scope, record]),
      );
      for (const scope of ["host", "all"] as const) {
        const record = rules.get(scope);
        // Only an agent writes the journal, and has checked the wish.
        const wish = (record?.wish ?? null) as KeptRule | PreventionWish | null;
        if (record !== undefined && wish !== null && "files" in wish) {
          put({ ...record, wish: store.keep(scope, record.generation, wish) });
        } else if (wish === null) {
          store.clear(scope);
        }
        store.dropStaged(scope);
      }
    },
    /** Writes the files of a whole wish, and returns what its record holds. */
    keep(scope: Scope, generation: number, wish: PreventionWish): KeptRule {
      store.replace(scope, wish.files);
      const { scripts = false, killRunning = false } = wish;
      return { digest: store.digest(scope), generation, scripts, killRunning };
    },
  };

  function putFile(scope: Scope, hash: string, name: string | null) {
    prepare("INSERT OR REPLACE INTO prevention_file (scope, hash, name) VALUES (?, ?, ?)").run(
      scope,
      hash,
      JSON.stringify(name),
    );
  }

  function count(table: "prevention_file" | "prevention_part", scope: Scope): number {
    return Number(prepare(`SELECT count(*) AS files FROM ${table} WHERE scope = ?`).get(scope)?.files);
  }

  return store;
}
