/** The processes of agents, from the outside: each can be killed, paused and started again. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { startProgram } from "../../../system-tests/src/called-program.ts";
import { endWithParent, type Owner, thisMachine } from "../../../system-tests/src/programs.ts";
import type { HostEvent } from "./chaos-history.ts";
import { readEvents } from "./chaos-kernels.ts";
import { eventsFile, type WorkerSetUp } from "./chaos-set-up.ts";
import type { AgentsCalls } from "./chaos-worker.ts";

export type Agents = Awaited<ReturnType<typeof startAgents>>;

const main = new URL("./chaos-worker.ts", import.meta.url).href;
// A paused one, too, ends with the process that started it.
const startWorker = () => startProgram<AgentsCalls>(thisMachine, main, endWithParent);

/** Enrols the hosts and starts their agents. */
export async function startAgents(owner: Owner, setUp: Omit<WorkerSetUp, "process">) {
  mkdirSync(setUp.folder, { recursive: true });
  let worker = startWorker();
  let starts = 1;
  owner.after(() => worker.kill());
  const begin = () => worker.ask("setUp", { ...setUp, process: starts });
  const sensorIds = await begin();
  return {
    sensorIds,
    kill: () => worker.kill(),
    async restart() {
      await worker.kill();
      worker = startWorker();
      starts += 1;
      await begin();
    },
    pause: () => worker.signal("SIGSTOP"),
    resume: () => worker.signal("SIGCONT"),
    cut: () => worker.ask("cut", undefined),
    memory: () => worker.ask("memory", undefined),
    events: (): HostEvent[] => readEvents(join(setUp.folder, eventsFile)),
  };
}
