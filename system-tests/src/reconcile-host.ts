/** A host for the reconcile test: its kernel and clocks outlive the agent, and count what the agent does to them. */
import type { RunProcessParameters } from "@cordon/response-actions";
import type { ProcessIdentity, TaskOutcome } from "@cordon/response-actions/enforcers";
import {
  allowAll,
  type Clock,
  createAgentCore,
  createMemoryJournal,
  type Enforcers,
} from "../../packages/endpoint-agent/src/index.ts";
import { silentLog } from "../../packages/endpoint-agent/src/log.ts";

export type Hold = "none" | "before" | "after";
export type ReconcileHost = ReturnType<typeof createReconcileHost>;

const epochMs = Date.UTC(2026, 10, 24);
const printed = { stdout: "out", stderr: "", stdoutTruncated: false, stderrTruncated: false };

/** `realMs`: what really passes, whatever any clock says. `onWrong` is told of what must never happen. */
export function createReconcileHost(realMs: () => number, onWrong: (what: string) => void) {
  const journal = createMemoryJournal();
  const timers = new Map<number, { due: number; run: () => void }>();
  const starts = new Map<string, number>();
  const running = new Map<string, { pid: number; end(outcome: TaskOutcome<never>): void }>();
  const held: (() => void)[] = [];
  let isolation: { lifetimeSec: number; endsAtMs: number } | null = null;
  let core: ReturnType<typeof createAgentCore> | null = null;
  let [bootedAtMs, boots, skewMs, nextId] = [0, 1, 0, 1];

  const host = {
    journal,
    hold: "none" as Hold,
    fails: false,
    able: true,
    /** Told of each isolation that comes into force, with when the kernel will end it. */
    onIsolated: (_lifetimeSec: number, _endsAtMs: number) => {},
    core: () => core,
    /** What is in force now. */
    isolation() {
      if (isolation !== null && isolation.endsAtMs <= realMs()) isolation = null;
      return isolation;
    },
    startsOf: (program: string) => starts.get(program) ?? 0,
    release() {
      for (const go of held.splice(0)) go();
    },
    endPrograms() {
      for (const [program, { end }] of [...running]) {
        running.delete(program);
        end({ state: "completed", exitCode: 0, ...printed });
      }
    },
    async startAgent() {
      core = createAgentCore({
        journal,
        enforcers: createEnforcers(),
        facts: () => ({ hostName: "h", ipAddresses: [], osFamily: "linux", osName: "x", agentVersion: "0.1.0" }),
        policy: allowAll,
        centralNode: async () => [{ address: "192.0.2.1", port: 443 }],
        clock: createClock(),
        log: silentLog,
        maxTasksAtOnce: 2,
      });
      await core.start();
    },
    /** As by -9: what the agent waited for never comes to it. Programs run on. */
    killAgent() {
      core = null;
      timers.clear();
      held.length = 0;
      for (const program of running.values()) program.end = () => {};
    },
    /** The kernel forgets what it held, programs are gone, the uptime starts over. */
    reboot() {
      host.killAgent();
      isolation = null;
      running.clear();
      boots += 1;
      bootedAtMs = realMs();
    },
    jumpClock(ms: number) {
      skewMs += ms;
    },
    /** Runs the timer that is due first, if any is. */
    runDueTimer(): boolean {
      const [next] = [...timers].filter(([, timer]) => timer.due <= realMs()).sort(([, a], [, b]) => a.due - b.due);
      if (next === undefined) return false;
      timers.delete(next[0]);
      next[1].run();
      return true;
    },
    nextTimerMs: () => Math.min(Number.POSITIVE_INFINITY, ...[...timers.values()].map((timer) => timer.due)),
  };

  function createClock(): Clock {
    return {
      wallMs: () => epochMs + realMs() + skewMs,
      bootMs: () => realMs() - bootedAtMs,
      bootId: `boot-${boots}`,
      after(delayMs, run) {
        const id = nextId++;
        timers.set(id, { due: realMs() + Math.max(0, delayMs), run });
        return () => timers.delete(id);
      },
    };
  }

  const holdAt = (when: Hold) =>
    host.hold === when ? new Promise<void>((resolve) => held.push(resolve)) : Promise.resolve();

  function readIsolation() {
    return host.isolation() === null
      ? ({ state: "lifted" } as const)
      : ({ state: "in-effect", detail: "in memory", remainingSec: 1 } as const);
  }

  function createEnforcers(): Enforcers {
    let busy = false;
    return {
      "network-isolation": {
        ability: async () => (host.able ? { able: true } : { able: false, why: "nft is gone" }),
        async enforce({ wish, remainingSec }) {
          if (busy) onWrong("calls of one enforcer overlap");
          busy = true;
          await holdAt("before");
          const { fails } = host;
          if (!fails) {
            const lifetimeSec = wish?.autoTurnoffTimeoutInSec ?? 0;
            if (wish !== null && remainingSec === null) onWrong("an isolation without an end");
            isolation = wish === null ? null : { lifetimeSec, endsAtMs: realMs() + (remainingSec ?? 0) * 1000 };
            if (isolation !== null) host.onIsolated(lifetimeSec, isolation.endsAtMs);
          }
          await holdAt("after");
          busy = false;
          return fails ? { state: "failed", reason: "NFT_REFUSED", detail: "as the test wants it" } : readIsolation();
        },
        readBack: async () => readIsolation(),
        close: async () => {},
      },
      "run-process": {
        ability: async () => ({ able: true }),
        async run(order: {
          parameters: RunProcessParameters;
          signal: AbortSignal;
          onStarted(process: ProcessIdentity): void;
        }) {
          const { program } = order.parameters;
          await holdAt("before");
          if (order.signal.aborted) return { state: "cancelled", exitCode: null, ...printed };
          const count = host.startsOf(program) + 1;
          starts.set(program, count);
          if (count > 1) onWrong(`${program} was started ${count} times`);
          await holdAt("after");
          const pid = nextId++;
          order.onStarted({ pid, startTicks: "1", bootId: `boot-${boots}` });
          if (program.startsWith("quick")) return { state: "completed", exitCode: 0, ...printed };
          return new Promise<TaskOutcome<never>>((resolve) => {
            running.set(program, { pid, end: resolve });
            order.signal.addEventListener("abort", () => {
              running.delete(program);
              resolve({ state: "cancelled", exitCode: null, ...printed });
            });
          });
        },
        async terminateLeftover({ pid }) {
          const [left] = [...running].filter(([, process]) => process.pid === pid);
          if (left !== undefined) running.delete(left[0]);
          return left !== undefined;
        },
      },
    };
  }

  return host;
}
