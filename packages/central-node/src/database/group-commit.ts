import type { Kysely } from "kysely";
import { runBare } from "./compile-once.ts";
import type { Tables, Tx } from "./tables.ts";

type Job = {
  inTurn: boolean;
  work(tx: Tx): Promise<unknown>;
  resolve(result: unknown): void;
  reject(error: unknown): void;
};

/** Enough to share one flush of the disk among many, few enough that one conflict does not repeat much work. */
const maxJobsPerCommit = 256;
const maxOthersWithTurn = 16;
const maxAttempts = 5;

/** What commits of works out of turn may take of the time, once they have had so much at a stretch. */
const [shareOfTime, freeMs] = [0.1, 20];
const longestRestMs = 50;

/** Deadlock and serialisation failure: PostgreSQL undid the transaction, and asks for another try. */
const retriedPostgresCodes = new Set(["40P01", "40001"]);

/** One transaction after the other on `db`. Works in turn, which people wait for, overtake the others. */
export function createGroupCommit(db: Kysely<Tables>, { restMs = createPace() } = {}) {
  const inTurn: Job[] = [];
  const others: Job[] = [];
  let draining: Promise<void> | null = null;
  /** Before the next commit of works out of turn alone. */
  let restsUntilMs = 0;
  let wake = () => {};

  async function drain() {
    // The requests that arrived in the same turn of the event loop share the first commit.
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (inTurn.length + others.length > 0) {
      if (inTurn.length === 0) await rest();
      const [isWaitedFor, startedMs] = [inTurn.length > 0, performance.now()];
      await commit(db, takeNext());
      const endedMs = performance.now();
      // Behind an order its host's report is next, which somebody waits for as well.
      restsUntilMs = isWaitedFor ? 0 : endedMs + restMs(endedMs - startedMs);
    }
    draining = null;
  }

  /** What comes meanwhile shares the next commit; a work in turn ends it. */
  async function rest() {
    const ms = restsUntilMs - performance.now();
    if (ms <= 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    wake = () => {};
  }

  function takeNext(): Job[] {
    const first = inTurn.splice(0, maxJobsPerCommit);
    // Who is answered after this commit must not wait for hundreds of reports; these must get on all the same.
    return [...first, ...others.splice(0, first.length === 0 ? maxJobsPerCommit : maxOthersWithTurn)];
  }

  return {
    add<T>(work: (tx: Tx) => Promise<T>, turn: { inTurn: boolean }): Promise<T> {
      return new Promise<T>((resolve, reject) => {
        const job = { inTurn: turn.inTurn, work, resolve: resolve as (result: unknown) => void, reject };
        (turn.inTurn ? inTurn : others).push(job);
        if (turn.inTurn) wake();
        draining ??= drain();
      });
    },
    /** Resolves once nothing is waiting or under way. */
    async settled() {
      while (draining !== null) await draining;
    },
  };
}

/**
 * How long to rest after a commit that took so long. In a storm reports come in one by one, and a flush of the disk for each
 * few of them kept SQLite's process standing still for a fifth of the time; a task that reports its steps does not wait.
 */
export function createPace(): (tookMs: number) => number {
  let debtMs = 0;
  let atMs = performance.now();
  return (tookMs) => {
    const passedMs = performance.now() - atMs;
    atMs += passedMs;
    debtMs = Math.max(0, debtMs - passedMs * shareOfTime) + tookMs;
    return Math.min(Math.max(0, debtMs - freeMs) / shareOfTime, longestRestMs);
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
  if (jobs.some((job) => job.inTurn)) await runBare(tx, "update write_turn set turn = turn + 1");
  const [only, ...others] = jobs;
  if (only !== undefined && others.length === 0) return [await runAlone(tx, only)];
  const outcomes: (() => void)[] = [];
  for (const job of jobs) {
    await runBare(tx, "savepoint job");
    try {
      const result = await job.work(tx);
      outcomes.push(() => job.resolve(result));
    } catch (error) {
      if (isRetried(error)) throw error;
      await runBare(tx, "rollback to savepoint job");
      outcomes.push(() => job.reject(error));
    }
    await runBare(tx, "release savepoint job");
  }
  return outcomes;
}

/** The transaction is its own: where it throws all is undone, and it is the one to be told. */
async function runAlone(tx: Tx, job: Job): Promise<() => void> {
  const result = await job.work(tx);
  return () => job.resolve(result);
}

function isRetried(error: unknown): boolean {
  return error instanceof Error && "code" in error && retriedPostgresCodes.has(String(error.code));
}
