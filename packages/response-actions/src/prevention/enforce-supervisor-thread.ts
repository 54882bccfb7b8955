/** The supervisor's thread, as the agent's main thread calls it. */
import { Worker } from "node:worker_threads";
import { entryPath } from "./enforce-entries.ts";
import type { Calls, FromWorker, Results, WorkerData } from "./enforce-worker-messages.ts";

export type SupervisorThread = ReturnType<typeof startSupervisorThread>;

export function startSupervisorThread({
  data,
  onMessage,
  onGone,
}: {
  data: WorkerData;
  onMessage(message: Exclude<FromWorker, { type: "answer" }>): void;
  /** It ended by itself, which it should not. */
  onGone(why: string): void;
}) {
  const worker = new Worker(entryPath("supervisor-worker"), {
    workerData: data,
    // Descriptors that it hands on or keeps are closed by hand; Node would warn about them.
    trackUnmanagedFds: false,
    resourceLimits: { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 96 },
  });
  const asked = new Map<number, { resolve(result: unknown): void; reject(error: Error): void }>();
  let nextId = 1;
  let isClosing = false;
  let why = "it ended";

  worker.on("message", (message: FromWorker) => {
    if (message.type !== "answer") return onMessage(message);
    const waiting = asked.get(message.id);
    asked.delete(message.id);
    if (message.error === undefined) waiting?.resolve(message.result);
    else waiting?.reject(new Error(message.error));
  });
  worker.on("error", (error) => {
    why = error.message;
  });
  worker.once("exit", () => {
    for (const { reject } of asked.values()) reject(new Error(`the supervisor's thread is gone: ${why}`));
    asked.clear();
    if (!isClosing) onGone(why);
  });

  function call<N extends keyof Calls>(name: N, parameters: Calls[N]): Promise<Results[N]> {
    const id = nextId;
    nextId += 1;
    return new Promise((resolve, reject) => {
      // The thread answers each call with that call's result.
      asked.set(id, { resolve: resolve as (result: unknown) => void, reject });
      worker.postMessage({ id, call: { name, ...parameters } });
    });
  }

  return {
    call,
    /** What is in force stays in force. */
    async close() {
      isClosing = true;
      await call("close", {}).catch(() => {});
      await worker.terminate();
    },
  };
}
