import type { PreventionWish, RunProcessParameters } from "@cordon/response-actions";

import type {
  Effect,
  PrintedSoFar,
  ProcessIdentity,
  Reachability,
  TaskOutcome,
} from "@cordon/response-actions/enforcers";

import type { Clock } from "../host/clock.ts";
import type { Enforcers } from "../host/enforcers.ts";

/** What a host's kernel would hold: it outlives the agent, and is what a test looks at in the end. */
export type KernelInMemory = {
  isolation: { autoTurnoffTimeoutInSec: number; endsAtBootMs: number } | null;
  /** The prevention rules in force, by scope. */
  banned: Map<"host" | "all", PreventionWish>;
  /** Hashes that this host would not outlive. */
  needed: Set<string>;
  /** Each start of a program, by its name. */
  started: string[];
  /** Programs that run now, and how to end one. */
  running: Map<string, (outcome: TaskOutcome<never>) => void>;
  /** Makes a program that runs print. */
  print(program: string, stdout: string): void;
  terminatedLeftovers: ProcessIdentity[];
  overlaps: number;
  /** While set, every call of the isolation's enforcer waits for it. */
  gate: Promise<void> | null;
  /** While set, each isolation asks whether the Central Node is reachable, and does not stay where it is not. */
  proofs: Reachability[] | null;
  /** How often somebody took the isolation away and it was made good: reported as such. */
  tampered: number;
  /** What the enforcer calls when it notices something. */
  notice(): void;
};

export type HostInMemory = { kernel: KernelInMemory; startProcess(): Enforcers };

/**
 * Enforcers that act on memory instead of on the machine that the tests run on. A program named `wait` runs until the test
 * ends it; any other ends at once with its name as output. Each agent process has its own, and starting one kills the one
 * before: what that still waits for never comes.
 */
export function createKernelInMemory(clock: Clock): HostInMemory {
  const printing = new Map<string, (stdout: string) => void>();
  const kernel: KernelInMemory = {
    isolation: null,
    banned: new Map(),
    needed: new Set(),
    started: [],
    running: new Map(),
    print: (program, stdout) => printing.get(program)?.(stdout),
    terminatedLeftovers: [],
    overlaps: 0,
    gate: null,
    proofs: null,
    tampered: 0,
    notice() {},
  };
  let nextPid = 100;
  let newestProcess = 0;

  const current = () => {
    if (kernel.isolation !== null && kernel.isolation.endsAtBootMs <= clock.bootMs()) kernel.isolation = null;
    if (kernel.isolation === null) return { state: "lifted" } as const;
    const held = { state: "in-effect", detail: "held in memory", remainingSec: 1 } as const;
    if (kernel.tampered === 0) return held;
    return { ...held, detail: `tampered with ${kernel.tampered}`, reason: "TAMPERED" } as const;
  };

  const bannedNow = (scope: "host" | "all"): Effect<never> => {
    const wish = kernel.banned.get(scope);
    if (wish === undefined) return { state: "lifted" };
    const refused = wish.files
      .filter(({ hash }) => kernel.needed.has(hash))
      .map(({ hash }) => ({ part: hash, reason: "HOST_NEEDS_IT", detail: "the host runs on it" }));
    return { state: "in-effect", detail: `${wish.files.length} files banned`, remainingSec: null, refused };
  };

  function startProcess(): Enforcers {
    newestProcess += 1;
    const process = newestProcess;
    let busy = false;
    return {
      "network-isolation": {
        ability: async () => ({ able: true }),
        async enforce({ wish, remainingSec, proveReachable }) {
          if (busy) kernel.overlaps += 1;
          busy = true;
          await (kernel.gate ?? null);
          if (process !== newestProcess) await new Promise(() => {});
          const { autoTurnoffTimeoutInSec } = wish ?? { autoTurnoffTimeoutInSec: 0 };
          const endsAtBootMs = clock.bootMs() + (remainingSec ?? 0) * 1000;
          kernel.isolation = wish === null ? null : { autoTurnoffTimeoutInSec, endsAtBootMs };
          if (wish !== null && kernel.proofs !== null) {
            const proof = await proveReachable(60_000);
            kernel.proofs.push(proof);
            if (proof !== "reached") {
              kernel.isolation = null;
              busy = false;
              return { state: "failed", reason: "NOT_CONFIRMED", detail: proof, retryAfterSec: 300 };
            }
          }
          busy = false;
          return current();
        },
        watch(noticed) {
          kernel.notice = noticed;
        },
        readBack: async () => current(),
        close: async () => {},
      },
      prevention: {
        ability: async () => ({ able: true }),
        async enforce({ scope, wish }) {
          await (kernel.gate ?? null);
          if (process !== newestProcess) await new Promise(() => {});
          if (wish === null) kernel.banned.delete(scope);
          else kernel.banned.set(scope, wish);
          return bannedNow(scope);
        },
        readBack: async (scope) => bannedNow(scope),
        close: async () => {},
      },
      "run-process": {
        ability: async () => ({ able: true }),
        async run({
          parameters: { program },
          signal,
          onStarted,
          onOutput,
        }: {
          parameters: RunProcessParameters;
          signal: AbortSignal;
          onStarted(process: ProcessIdentity): void;
          onOutput?(printed: PrintedSoFar): void;
        }) {
          const said = { stdout: program, stderr: "", stdoutTruncated: false, stderrTruncated: false };
          if (signal.aborted) return { state: "cancelled", exitCode: null, ...said };
          kernel.started.push(program);
          nextPid += 1;
          onStarted({ pid: nextPid, startTicks: "1", bootId: clock.bootId });
          if (!program.startsWith("wait")) return { state: "completed", exitCode: 0, ...said };
          return new Promise((resolve) => {
            kernel.running.set(program, resolve);
            printing.set(program, (stdout) => onOutput?.({ ...said, stdout }));
            signal.addEventListener("abort", () => resolve({ state: "cancelled", exitCode: null, ...said }));
          });
        },
        async terminateLeftover(process) {
          kernel.terminatedLeftovers.push(process);
          return true;
        },
      },
    };
  }

  return { kernel, startProcess };
}
