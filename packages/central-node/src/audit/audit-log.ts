import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { compileOnce, rowOf } from "../database/compile-once.ts";
import type { Database, Reader, Tx } from "../database/database.ts";
import type { AuditRow } from "../database/tables.ts";
import type { Actor } from "./actor.ts";
import { listAudit, streamAudit } from "./audit-list.ts";

export type AuditEntry = {
  actor: Actor;
  /** What was done, in the words of the architecture: `network-isolation.set`, `external-system.accept`, … */
  action: string;
  /** What it was done to: a sensor ID, a task ID, an external system's ID. */
  object: string;
  /** `done`, or the code of the refusal. */
  result: string;
  /** What else explains it: digest of the request, generation, count. Never a secret. */
  detail?: Record<string, unknown>;
};

export type ChainCheck =
  | { intact: true; entries: number; lastHash: string }
  | { intact: false; entries: number; brokenAtSeq: number; why: string };

const genesis = "0".repeat(64);
const pageSize = 2000;

const columns = {
  ...{ seq: true, at: true, actor_kind: true, actor_id: true, address: true, action: true, object: true },
  ...{ result: true, detail: true, previous_hash: true, hash: true },
} as const;
const findLast = compileOnce((db, _: Record<never, string>) =>
  db.selectFrom("audit_log").select(["seq", "hash"]).orderBy("seq", "desc").limit(1),
);
const insert = compileOnce((db, row: AuditRow) => db.insertInto("audit_log").values(rowOf(row, columns)));

/**
 * Append-only and hash-chained: each entry's hash covers all of it and the hash before. The chain shows that nothing was
 * changed or removed in the middle; who can rewrite the whole table can make a new chain, so keep `lastHash` elsewhere.
 */
export function createAuditLog({ database, now }: { database: Database; now: () => Date }) {
  /** Takes part in a transaction of `writeInTurn`: the turn is what keeps the chain a chain on several Central Nodes. */
  async function append(tx: Tx, entry: AuditEntry): Promise<void> {
    const [last] = await findLast(tx, {});
    const row = {
      seq: (last?.seq ?? 0) + 1,
      at: now().toISOString(),
      actor_kind: entry.actor.kind,
      actor_id: entry.actor.id,
      address: entry.actor.address,
      action: entry.action,
      object: entry.object,
      result: entry.result,
      detail: JSON.stringify({
        ...(entry.actor.fingerprint === null ? {} : { fingerprint: entry.actor.fingerprint }),
        ...entry.detail,
      }),
      previous_hash: last?.hash ?? genesis,
    };
    await insert(tx, { ...row, hash: hashOf(row) });
  }

  return {
    append,
    /** For what changes nothing else, such as a refusal. */
    record: (entry: AuditEntry): Promise<void> => database.writeInTurn((tx) => append(tx, entry)),
    /** Entries after `afterSeq`, oldest first. */
    list: (afterSeq: number, limit: number) => listAfter(database.read, afterSeq, limit),
    /** One page, filtered and sorted as the console asks. */
    page: (request: Parameters<typeof listAudit>[1]) => listAudit(database, request),
    /** Every entry that the filters let through, oldest first. */
    stream: (filter: Parameters<typeof streamAudit>[1]) => streamAudit(database, filter),
    async verify(): Promise<ChainCheck> {
      let previous = { seq: 0, hash: genesis };
      for (;;) {
        const page = await listAfter(database.read, previous.seq, pageSize);
        for (const row of page) {
          const why = findBreak(row, previous);
          if (why !== null) return { intact: false, entries: previous.seq, brokenAtSeq: row.seq, why };
          previous = row;
        }
        // On SQLite reading is one long breath: others must get a turn between two pages.
        await setImmediate();
        if (page.length < pageSize) return { intact: true, entries: previous.seq, lastHash: previous.hash };
      }
    },
  };
}
export type AuditLog = ReturnType<typeof createAuditLog>;

function listAfter(read: Reader, afterSeq: number, limit: number): Promise<AuditRow[]> {
  return read.selectFrom("audit_log").selectAll().where("seq", ">", afterSeq).orderBy("seq").limit(limit).execute();
}

function findBreak(row: AuditRow, previous: { seq: number; hash: string }): string | null {
  if (row.seq !== previous.seq + 1) return `entry ${previous.seq + 1} is missing`;
  if (row.previous_hash !== previous.hash) return `entry ${row.seq} does not continue entry ${previous.seq}`;
  if (row.hash !== hashOf(row)) return `entry ${row.seq} was changed after it was written`;
  return null;
}

function hashOf(row: Omit<AuditRow, "hash">): string {
  const content = [
    row.seq,
    row.at,
    row.actor_kind,
    row.actor_id,
    row.address,
    row.action,
    row.object,
    row.result,
    row.detail,
    row.previous_hash,
  ];
  // JSON keeps the members apart: no two entries have the same text.
  return createHash("sha256").update(JSON.stringify(content)).digest("hex");
}
