import type { Enforcers } from "@cordon/endpoint-agent";

/** What a simulated host was made to hold. */
export type Memory = { wishes: Map<string, object | null>; started: Map<string, number> };

/** Enforcers that only remember what they were asked, and answer that it is in effect. */
export function createRememberingEnforcers(bootId: string): { enforcers: Enforcers; memory: Memory } {
  const memory: Memory = { wishes: new Map(), started: new Map() };
  let nextPid = 100;
  const setting = (action: string) => {
    const effect = (scope: string, remainingSec: number | null) =>
      (memory.wishes.get(`${action} ${scope}`) ?? null) === null
        ? ({ state: "lifted" } as const)
        : ({ state: "in-effect", detail: "remembered by a simulated host", remainingSec } as const);
    return {
      ability: async () => ({ able: true }) as const,
      async enforce(order: { scope: "host" | "all"; wish: object | null; remainingSec: number | null }) {
        memory.wishes.set(`${action} ${order.scope}`, order.wish);
        return effect(order.scope, order.remainingSec);
      },
      readBack: async (scope: "host" | "all") => effect(scope, null),
      close: async () => {},
    };
  };
  const enforcers: Enforcers = {
    "network-isolation": setting("network-isolation"),
    prevention: setting("prevention"),
    "run-process": {
      ability: async () => ({ able: true }),
      async run({ parameters, onStarted }) {
        const line = JSON.stringify(parameters);
        memory.started.set(line, (memory.started.get(line) ?? 0) + 1);
        nextPid += 1;
        onStarted({ pid: nextPid, startTicks: "1", bootId });
        const printed = { stdout: "", stderr: "", stdoutTruncated: false, stderrTruncated: false };
        return { state: "completed", exitCode: 0, ...printed };
      },
      terminateLeftover: async () => false,
    },
  };
  return { enforcers, memory };
}
