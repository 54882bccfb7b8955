import type { RefusedPart } from "@cordon/response-actions/enforcers";
import type { Deadline } from "../deadline.ts";
import type { JournalDatabase } from "./journal-database.ts";

export type Scope = "host" | "all";

export type SettingRecord = {
  action: string;
  scope: Scope;
  lineage: string;
  /** The newest ordered. */
  generation: number;
  /** What is kept true: the wish of the newest order that was taken. Null: lifted. Of prevention a `KeptRule`. */
  wish: object | null;
  /** Null: the wish has no end. */
  deadline: Deadline | null;
  /**
   * The host was rebooted since the order: what is left of its time rests on the wall clock alone, which may have been
   * set. The Central Node is asked again: the generation is left out of the hello, and taken once more.
   */
  endInDoubt?: true;
  /** Why the newest order was not taken; `wish` and `deadline` then are still those of the one before. */
  refusal: { reason: string; detail: string } | null;
  /** What came of the newest generation; null: not yet known. */
  outcome: {
    state: "in-effect" | "lifted" | "failed";
    reason?: string;
    detail?: string;
    /** Parts of the wish that this host does not carry out: the first of `refusedCount`. */
    refused?: RefusedPart[];
    refusedCount?: number;
    at: string;
  } | null;
};

export function createSettingStore({ prepare }: JournalDatabase) {
  return {
    all(): SettingRecord[] {
      return prepare("SELECT body FROM setting ORDER BY action, scope").all().map(toRecord);
    },
    find(action: string, scope: Scope): SettingRecord | null {
      const row = prepare("SELECT body FROM setting WHERE action = ? AND scope = ?").get(action, scope);
      return row === undefined ? null : toRecord(row);
    },
    /** Which generations are held beyond doubt. */
    generations(lineage: string): { action: string; scope: Scope; generation: number }[] {
      return prepare(
        `SELECT action, scope, generation FROM setting
         WHERE lineage = ? AND json_extract(body, '$.endInDoubt') IS NULL ORDER BY action, scope`,
      )
        .all(lineage)
        .map((row) => ({
          action: String(row.action),
          scope: row.scope === "all" ? "all" : "host",
          generation: Number(row.generation),
        }));
    },
    /** A lineage other than `lineage` that something held still belongs to. */
    otherLineage(lineage: string): string | null {
      const row = prepare("SELECT lineage FROM setting WHERE lineage <> ? LIMIT 1").get(lineage);
      return row === undefined ? null : String(row.lineage);
    },
    put(record: SettingRecord) {
      prepare("INSERT OR REPLACE INTO setting (action, scope, lineage, generation, body) VALUES (?, ?, ?, ?, ?)").run(
        record.action,
        record.scope,
        record.lineage,
        record.generation,
        JSON.stringify(record),
      );
    },
  };
}

// Only `put` writes this column.
const toRecord = (row: Record<string, unknown>) => JSON.parse(String(row.body)) as SettingRecord;
