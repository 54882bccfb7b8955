import { type Kysely, sql } from "kysely";
import type { Tables, Tx } from "./tables.ts";

type Job = {
  inTurn: boolean;
  work(tx: Tx): Promise<unknown>;
  resolve(result: unknown): void;
  reject(error: unknown): void;
};

/** Enough to share one flush of the disk among many, few enough that one conflict does not repeat much work. */
const maxJobsPerCommit = 256;
const maxAttempts = 5;

/** Deadlock and serialisation failure: PostgreSQL undid the transaction, and asks for another try. */
const retriedPostgresCodes = new Set(["40P01", "40001"]);

export function createGroupCommit(db: Kysely<Tables>) {
  const waiting: Job[] = [];
  let draining: Promise<void> | null = null;

  async function drain() {
    // The requests that arrived in the same turn of the event loop share the first commit.
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (waiting.length > 0) await commit(db, waiting.splice(0, maxJobsPerCommit));
    draining = null;
  }

  return {
    add<T>(work: (tx: Tx) => Promise<T>, { inTurn }: { inTurn: boolean }): Promise<T> {
      return new Promise<T>((resolve, reject) => {
        waiting.push({ inTurn, work, resolve: resolve as (result: unknown) => void, reject });
        draining ??= drain();
      });
    },
    /** Resolves once nothing is waiting or under way. */
    async settled() {
      while (draining !== null) await draining;
    },
  };
}

async function commit(db: Kysely<Tables>, jobs: Job[]): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      const outcomes = await db.transaction().execute((tx) => runAll(tx, jobs));
      // Only now, after the commit, is anything of it true.
      for (const outcome of outcomes) outcome();
      return;
    } catch (error) {
      if (attempt < maxAttempts && isRetried(error)) continue;
      for (const job of jobs) job.reject(error);
      return;
    }
  }
}

async function runAll(tx: Tx, jobs: Job[]): Promise<(() => void)[]> {
  // Taken first, and once for all jobs: whoever holds the turn waits for nobody who waits for the turn.
  if (jobs.some((job) => job.inTurn)) await tx.updateTable("write_turn").set({ turn: sql`turn + 1` }).execute();
  const outcomes: (() => void)[] = [];
  for (const job of jobs) {
    await sql`savepoint job`.execute(tx);
    try {
      const result = await job.work(tx);
      outcomes.push(() => job.resolve(result));
    } catch (error) {
      if (isRetried(error)) throw error;
      await sql`rollback to savepoint job`.execute(tx);
      outcomes.push(() => job.reject(error));
    }
    await sql`release savepoint job`.execute(tx);
  }
  return outcomes;
}

function isRetried(error: unknown): boolean {
  return error instanceof Error && "code" in error && retriedPostgresCodes.has(String(error.code));
}
