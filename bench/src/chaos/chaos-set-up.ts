/** What a process of agents is told when it starts. */
import type { FastClock } from "./chaos-clock.ts";

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

export const eventsFile = "events.jsonl";
