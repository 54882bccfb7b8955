import type { Logger } from "pino";

/** Work done from time to time, never twice at once; a failure is logged and the next time comes. */
export function createRepeating({ log }: { log: Pick<Logger, "warn"> }) {
  const timers: NodeJS.Timeout[] = [];
  const running = new Set<Promise<void>>();

  return {
    every(intervalMs: number, what: string, work: () => Promise<unknown>): void {
      let busy = false;
      const timer = setInterval(() => {
        if (busy) return;
        busy = true;
        const run = work()
          .catch((error) => log.warn({ err: error }, `could not ${what}`))
          .then(() => {
            busy = false;
            running.delete(run);
          });
        running.add(run);
      }, intervalMs);
      timer.unref();
      timers.push(timer);
    },
    /** Resolves once nothing runs any more. */
    async close(): Promise<void> {
      for (const timer of timers) clearInterval(timer);
      await Promise.all(running);
    },
  };
}
