/** The processes of agents, from the outside: each can be killed, paused and started again. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Owner } from "../../../system-tests/src/programs.ts";
import type { HostEvent } from "./chaos-history.ts";
import { readEvents } from "./chaos-kernels.ts";
import { type Answered, type Answers, type Call, eventsFile, type WorkerSetUp } from "./chaos-messages.ts";

export type Agents = Awaited<ReturnType<typeof startAgents>>;

/** A paused one, too, ends with the process that started it. */
const endWithParent = spawnSync("setpriv", ["--pdeathsig", "KILL", "true"]).status === 0;
const main = fileURLToPath(new URL("./chaos-worker.ts", import.meta.url));

/** Enrols the hosts and starts their agents. */
export async function startAgents(owner: Owner, setUp: Omit<WorkerSetUp, "process">) {
  mkdirSync(setUp.folder, { recursive: true });
  let worker = startWorker();
  let starts = 1;
  owner.after(() => worker.kill());
  const begin = () => worker.ask({ what: "set-up", setUp: { ...setUp, process: starts } });
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
    cut: () => worker.ask({ what: "cut" }),
    memory: () => worker.ask({ what: "memory" }),
    events: (): HostEvent[] => readEvents(join(setUp.folder, eventsFile)),
  };
}

function startWorker() {
  const [command = process.execPath, ...args] = [
    ...(endWithParent ? ["setpriv", "--pdeathsig", "KILL"] : []),
    process.execPath,
    main,
  ];
  const child: ChildProcess = spawn(command, args, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  const exit = once(child, "exit");
  const waiting = new Map<number, { resolve(answer: unknown): void; reject(error: Error): void }>();
  let asked = 0;
  let gone = false;
  child.on("message", ({ number, answer, error }: Answered) => {
    const call = waiting.get(number);
    waiting.delete(number);
    if (error === undefined) call?.resolve(answer);
    else call?.reject(new Error(error));
  });
  child.once("exit", (code, signal) => {
    gone = true;
    for (const call of waiting.values()) call.reject(new Error(`the process of agents ended with ${signal ?? code}`));
  });
  return {
    signal: (signal: NodeJS.Signals) => child.kill(signal),
    ask<W extends Call["what"]>(call: Extract<Call, { what: W }>): Promise<Answers[W]> {
      return new Promise((resolve, reject) => {
        if (gone) return reject(new Error("the process of agents is gone"));
        asked += 1;
        // It answers each call with what `Answers` says.
        waiting.set(asked, { resolve: (answer) => resolve(answer as Answers[W]), reject });
        child.send({ number: asked, call }, (error) => error !== null && reject(error));
      });
    },
    async kill() {
      child.kill("SIGKILL");
      await exit;
    },
  };
}
