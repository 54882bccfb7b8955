/** A fleet of simulated hosts: the real agent thousands of times, in processes of their own, against any Central Node. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { failure } from "@cordon/terminal";
import type { Answered, Answers, AwaitedOrder, Behaviour, Call, FleetCounts, WorkerSetUp } from "./fleet-messages.ts";

export type Fleet = Awaited<ReturnType<typeof startFleet>>;

/** Unless it is told otherwise, a fleet has a process for so many. */
export const hostsPerProcess = 5000;
const pollMs = 50;
const connectWithinMs = 10 * 60_000;

/**
 * Starts the processes and gives each host its identity, enrolling those that `identities` does not hold yet; nothing is
 * connected before `connect`. Rejects with what went wrong: a token that is refused, a server that cannot be reached.
 */
export async function startFleet(options: {
  hosts: number;
  /** `host:port`, as agents take them. */
  servers: string[];
  /** A join token with enough uses; needed for hosts that `identities` does not hold. */
  token?: string;
  /** Folder in which identities (private keys!) are kept and found again; created where it is absent. */
  identities?: string;
  processes?: number;
  /** How many hosts a second make their first connection, in all. Absent: as fast as they come. */
  connectPerSec?: number;
  behaviour?: Behaviour;
}) {
  const { hosts, processes = Math.ceil(hosts / hostsPerProcess) } = options;
  const file = options.identities === undefined ? null : openIdentities(options.identities);
  const workers = Array.from({ length: processes }, startWorker);
  const askAll = <W extends Call["what"]>(call: Extract<Call, { what: W }>) =>
    Promise.all(workers.map(({ ask }) => ask(call)));
  let ids: string[];
  try {
    const setUpOf = (index: number): WorkerSetUp => ({
      hosts,
      index,
      processes,
      servers: options.servers,
      token: options.token ?? null,
      identities: file?.path ?? null,
      known: Math.min(hosts, file?.count ?? 0),
      connectPerSec: options.connectPerSec === undefined ? null : options.connectPerSec / processes,
      behaviour: options.behaviour ?? {},
    });
    const all = workers.map(({ ask }, index) => ask({ what: "set-up", setUp: setUpOf(index) }));
    ids = (await Promise.all(all)).flat();
  } catch (error) {
    await Promise.all(workers.map((worker) => worker.end()));
    throw error;
  }

  const fleet = {
    sensorIds: () => ids,
    /** Starts all; resolves once all that are not offline were welcomed. */
    async connect(withinMs = connectWithinMs) {
      await askAll({ what: "start" });
      const { hosts: all, offline } = await fleet.counts();
      await fleet.untilConnected(all - offline, withinMs);
    },
    async counts(): Promise<FleetCounts> {
      return (await askAll({ what: "counts" })).reduce(added);
    },
    /** How long the newest reports of the hosts took until they were acknowledged. Many numbers: not for polling. */
    latenciesMs: async (): Promise<number[]> => (await askAll({ what: "latencies" })).flat(),
    /** Destroys the sockets of that share at once, without a close frame; how many there were. */
    async cut(share = 1): Promise<number> {
      return (await askAll({ what: "cut", share })).reduce((sum, cut) => sum + cut, 0);
    },
    /** That share of the hosts goes away; all others are there, or come back. */
    async setOffline(share: number) {
      await askAll({ what: "set-offline", share });
    },
    untilConnected: (count: number, withinMs: number) =>
      poll(withinMs, async () => {
        const { connected } = await fleet.counts();
        return connected >= count ? true : `${connected} of ${count} hosts are connected`;
      }),
    /** When (monotonic ms, one clock for the machine) each host's report about the order, or a newer one, was acknowledged. */
    async untilAcknowledged(order: AwaitedOrder, withinMs: number): Promise<{ lastMs: number; ms: number[] }> {
      let ms: number[] = [];
      await poll(withinMs, async () => {
        const answers = await askAll({ what: "acknowledgements", order });
        ms = answers.flatMap((answer) => answer.ms);
        const missing = answers.reduce((sum, answer) => sum + answer.missing, 0);
        return missing === 0 ? true : `the reports of ${missing} hosts are not acknowledged`;
      });
      return { lastMs: ms.reduce((last, at) => Math.max(last, at), 0), ms };
    },
    holds: async () => (await askAll({ what: "holds" })).flat(),
    /** CPU time of the simulating processes since their start, and their resident memory. */
    async cpu() {
      const costs = await askAll({ what: "cost" });
      return costs.reduce((sum, cost) => ({
        cpuMs: sum.cpuMs + cost.cpuMs,
        residentBytes: sum.residentBytes + cost.residentBytes,
      }));
    },
    /** Links end in good order. */
    async close() {
      await askAll({ what: "close" }).catch(() => {});
      await Promise.all(workers.map((worker) => worker.end()));
    },
  };
  return fleet;
}

function openIdentities(folder: string): { path: string; count: number } {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, "identities.jsonl");
  if (!existsSync(path)) return { path, count: 0 };
  // Private keys: whoever copied the folder may have opened it to others.
  chmodSync(path, 0o600);
  return { path, count: readFileSync(path, "utf8").split("\n").length - 1 };
}

function added(one: FleetCounts, other: FleetCounts): FleetCounts {
  const sum = { ...one };
  for (const name of Object.keys(one) as (keyof FleetCounts)[]) sum[name] += other[name];
  return sum;
}

/** `look` says true, or what is still missing. */
async function poll(withinMs: number, look: () => Promise<true | string>) {
  const endMs = performance.now() + withinMs;
  for (;;) {
    const seen = await look();
    if (seen === true) return;
    if (performance.now() >= endMs) throw new Error(`${seen} after ${withinMs} ms`);
    await wait(pollMs);
  }
}

function toFailure({ message, code }: NonNullable<Answered["error"]>): Error {
  return failure(code === "UNAUTHORIZED" || code === "UNAVAILABLE" ? code : "FAILED", message);
}

function startWorker() {
  const child: ChildProcess = fork(fileURLToPath(new URL("./fleet-worker.ts", import.meta.url)), {
    serialization: "advanced",
  });
  const exit = once(child, "exit");
  const waiting = new Map<number, { resolve(answer: unknown): void; reject(error: Error): void }>();
  let nextNumber = 0;
  let gone = false;
  child.on("message", ({ number, answer, error }: Answered) => {
    const call = waiting.get(number);
    waiting.delete(number);
    if (error === undefined) call?.resolve(answer);
    else call?.reject(toFailure(error));
  });
  child.once("exit", (code, signal) => {
    gone = true;
    for (const call of waiting.values()) call.reject(new Error(`a process of the fleet ended with ${signal ?? code}`));
  });
  return {
    ask<W extends Call["what"]>(call: Extract<Call, { what: W }>): Promise<Answers[W]> {
      return new Promise((resolve, reject) => {
        if (gone || !child.connected) return reject(new Error("a process of the fleet is gone"));
        nextNumber += 1;
        // The worker answers each call with what `Answers` says.
        waiting.set(nextNumber, { resolve: (answer) => resolve(answer as Answers[W]), reject });
        // Without a callback a channel that closes meanwhile would end this process.
        child.send({ number: nextNumber, call }, (error) => error !== null && reject(error));
      });
    },
    async end() {
      if (child.connected) child.disconnect();
      await exit;
    },
  };
}
