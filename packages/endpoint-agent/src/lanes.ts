import type { Scope } from "./journal/setting-store.ts";

export type Wake = { action: string; scope: Scope; verifyOnly: boolean };

export type Lanes = ReturnType<typeof createLanes>;

type Lane = { waiting: Map<Scope, Wake>; others: (() => Promise<void>)[]; running: Promise<void> | null };

/**
 * One lane an action: work on one never overlaps with itself, and while it runs only the newest call for each scope waits,
 * as the work reads the newest wish by itself.
 */
export function createLanes({
  work,
  failed,
}: {
  work(wake: Wake): Promise<void>;
  failed(error: unknown, at: { action: string; scope: Scope }): void;
}) {
  const lanes = new Map<string, Lane>();
  let closed = false;

  return {
    wake(wake: Wake) {
      if (closed) return;
      const lane = laneOf(wake.action);
      const waiting = lane.waiting.get(wake.scope);
      // A look never takes the place of real work.
      if (waiting === undefined || !wake.verifyOnly) lane.waiting.set(wake.scope, wake);
      lane.running ??= run(lane);
    },
    /** Other work that must not overlap with the action's own; what waits already goes first. */
    exclusively<T>(action: string, other: () => Promise<T>): Promise<T> {
      return new Promise((resolve, reject) => {
        const lane = laneOf(action);
        lane.others.push(() => other().then(resolve, reject));
        lane.running ??= run(lane);
      });
    },
    isWaiting: (action: string, scope: Scope) => lanes.get(action)?.waiting.get(scope)?.verifyOnly === false,
    /** Resolves when nothing runs or waits, in one action's lane or in all. */
    async idle(action?: string) {
      const all = () =>
        [...lanes].filter(([name]) => action === undefined || name === action).map(([, lane]) => lane.running);
      for (let running = all(); running.some((one) => one !== null); running = all()) await Promise.all(running);
    },
    closed: () => closed,
    /** What waits is left for the next start; resolves when what runs has ended. */
    async close() {
      closed = true;
      for (const lane of lanes.values()) lane.waiting.clear();
      await Promise.all([...lanes.values()].map((lane) => lane.running));
    },
  };

  function laneOf(action: string): Lane {
    let lane = lanes.get(action);
    if (lane === undefined) {
      lane = { waiting: new Map(), others: [], running: null };
      lanes.set(action, lane);
    }
    return lane;
  }

  async function run(lane: Lane) {
    // In a later turn: an enforcer is never called from inside the message handler.
    await null;
    for (;;) {
      const [wake] = lane.waiting.values();
      const other = wake === undefined ? lane.others.shift() : undefined;
      if (wake !== undefined) {
        lane.waiting.delete(wake.scope);
        await work(wake).catch((error: unknown) => failed(error, { action: wake.action, scope: wake.scope }));
      } else if (other !== undefined) {
        await other();
      } else {
        // In the turn that found nothing waiting: a wake from now on starts a run of its own.
        lane.running = null;
        return;
      }
    }
  }
}
