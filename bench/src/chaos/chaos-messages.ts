/** What a chaos run and its processes of agents say to each other. */
import type { FastClock } from "./chaos-clock.ts";
import type { HostMemory } from "./chaos-history.ts";

export type WorkerSetUp = {
  /** Everything of these hosts is in here, and is found again by the next process. */
  folder: string;
  agents: number;
  hosts: number;
  process: number;
  /** `host:port`, all of them; each host begins with another one. */
  servers: string[];
  /** For hosts that are not enrolled yet. */
  token: string;
  clock: FastClock;
};
export type Call = { what: "set-up"; setUp: WorkerSetUp } | { what: "cut" } | { what: "memory" };
export type Answers = { "set-up": string[]; cut: null; memory: HostMemory[] };
export type Asked = { number: number; call: Call };
export type Answered = { number: number; answer?: unknown; error?: string };

export const eventsFile = "events.jsonl";
