import type { Reachability } from "@cordon/response-actions/enforcers";

/** Waits for answers of the Central Node, one for each action at most, that a newer order or a release puts an end to. */
export function createReachabilityTrials(proveReachable: (withinMs: number) => Promise<boolean>) {
  const running = new Map<string, () => void>();
  const calledOff = new Set<string>();
  let closed = false;

  return {
    /** For one call of an action's enforcer. */
    begin(action: string): (withinMs: number) => Promise<Reachability> {
      calledOff.delete(action);
      return (withinMs) =>
        new Promise((resolve, reject) => {
          if (closed || calledOff.has(action)) return resolve("called-off");
          running.set(action, () => resolve("called-off"));
          proveReachable(withinMs)
            .then((reached) => resolve(reached ? "reached" : "silent"), reject)
            .finally(() => running.delete(action));
        });
    },
    callOff(action: string) {
      calledOff.add(action);
      running.get(action)?.();
    },
    /** Those that run, and any that begins later. */
    close() {
      closed = true;
      for (const callOff of running.values()) callOff();
    },
  };
}
