import { sql } from "kysely";
import type { Database, Reader, Tx } from "../database/database.ts";
import { listOf, tableOf } from "../database/json-list.ts";
import type { BannedFileRow } from "../database/tables.ts";

/** A file as a row has it, `name` as JSON text or null. */
export type StoredFile = Pick<BannedFileRow, "hash" | "name" | "position" | "since_generation">;
/** `removed`: those that were in the rule before; `added` of them: those that come back with another name. */
export type RuleChange = { added: Pick<StoredFile, "hash" | "name" | "position">[]; removed: string[] };

export type BannedFileStore = ReturnType<typeof createBannedFileStore>;

/** Few enough that a statement does not hold the process, which answers for all hosts, for long. */
const filesPerStatement = 5_000;

/** Which files the prevention rule of each scope bans, and banned until lately: written in the transactions of the rules. */
export function createBannedFileStore(kind: Database["kind"]) {
  return {
    /** Makes `change` the difference between the rule at `generation` and the one before. `keepRemoved`: for those who have that one. */
    async write(
      tx: Tx,
      { target, generation, keepRemoved }: { target: string; generation: number; keepRemoved: boolean },
      { added, removed }: RuleChange,
    ): Promise<void> {
      for (const hashes of inParts(removed)) {
        const change = keepRemoved
          ? tx.updateTable("banned_files").set({ until_generation: generation })
          : tx.deleteFrom("banned_files");
        // Kysely has no type for what both have in common.
        await (change as ReturnType<typeof tx.deleteFrom<"banned_files">>)
          .where("target", "=", target)
          .where("until_generation", "is", null)
          .where("hash", "in", listOf(kind, hashes))
          .execute();
        await nextTurn();
      }
      for (const files of inParts(added)) {
        const given = tableOf(kind, { hash: "text", name: "text", position: "bigint" }, files);
        await sql`
          insert into banned_files (target, hash, name, position, since_generation)
          select ${target}, hash, name, position, ${sql.lit(generation)} from ${given} as given`.execute(tx);
        await nextTurn();
      }
    },

    /** Those of `hashes` that are banned by a scope which conflicts with `target`. */
    async listConflicting(tx: Tx, target: string, hashes: string[]): Promise<Set<string>> {
      const found = new Set<string>();
      for (const some of inParts(hashes)) {
        const query = tx
          .selectFrom("banned_files")
          .select("hash")
          .distinct()
          .where("until_generation", "is", null)
          .where("hash", "in", listOf(kind, some));
        const rows = await (target === "all"
          ? query.where("target", "<>", "all")
          : query.where("target", "=", "all")
        ).execute();
        for (const { hash } of rows) found.add(hash);
        await nextTurn();
      }
      return found;
    },

    async listHostsWith(db: Reader | Tx, hash: string): Promise<string[]> {
      const rows = await db
        .selectFrom("banned_files")
        .select("target")
        .where("hash", "=", hash)
        .where("until_generation", "is", null)
        .where("target", "<>", "all")
        .orderBy("target")
        .execute();
      return rows.map((row) => row.target);
    },

    /** The rule as it was at a generation, by hash, in pages: what is written meanwhile does not show. */
    async *list(db: Reader | Tx, target: string, generation: number): AsyncGenerator<StoredFile[]> {
      for (let after = ""; ; ) {
        const page = await db
          .selectFrom("banned_files")
          .select(["hash", "name", "position", "since_generation"])
          .where("target", "=", target)
          .where("hash", ">", after)
          .where("since_generation", "<=", generation)
          .where((eb) => eb.or([eb("until_generation", "is", null), eb("until_generation", ">", generation)]))
          .orderBy("hash")
          .limit(filesPerStatement)
          .execute();
        yield page;
        const last = page.at(-1);
        if (last === undefined || page.length < filesPerStatement) return;
        after = last.hash;
        await nextTurn();
      }
    },

    /** What made the rule at `base` the one at `generation`. A hash that came back is in `added` alone. */
    async listChanges(
      db: Reader,
      target: string,
      { base, generation }: { base: number; generation: number },
    ): Promise<{ added: Pick<StoredFile, "hash" | "name">[]; removed: string[] }> {
      const added = await db
        .selectFrom("banned_files")
        .select(["hash", "name"])
        .where("target", "=", target)
        .where("since_generation", ">", base)
        .where("since_generation", "<=", generation)
        .where((eb) => eb.or([eb("until_generation", "is", null), eb("until_generation", ">", generation)]))
        .orderBy("hash")
        .execute();
      const ended = await db
        .selectFrom("banned_files")
        .select("hash")
        .where("target", "=", target)
        .where("until_generation", ">", base)
        .where("until_generation", "<=", generation)
        .where("since_generation", "<=", base)
        .orderBy("hash")
        .execute();
      const back = new Set(added.map((file) => file.hash));
      return { added, removed: ended.map((file) => file.hash).filter((hash) => !back.has(hash)) };
    },

    async countEnded(tx: Tx, target: string): Promise<number> {
      const row = await tx
        .selectFrom("banned_files")
        .select((eb) => eb.fn.countAll<number>().as("files"))
        .where("target", "=", target)
        .where("until_generation", "is not", null)
        .executeTakeFirst();
      return Number(row?.files ?? 0);
    },

    /** Forgets what was in the rule before a generation and is not any more. */
    async forgetEnded(tx: Tx, target: string, untilGeneration: number): Promise<void> {
      await tx
        .deleteFrom("banned_files")
        .where("target", "=", target)
        .where("until_generation", "<=", untilGeneration)
        .execute();
    },

    async forget(tx: Tx, target: string): Promise<void> {
      await tx.deleteFrom("banned_files").where("target", "=", target).execute();
    },
  };
}

function* inParts<T>(items: readonly T[]): Iterable<T[]> {
  for (let start = 0; start < items.length; start += filesPerStatement)
    yield items.slice(start, start + filesPerStatement);
}

/** On SQLite nothing else would run between the statements of a large rule. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
