/** What the fleet and its processes say to each other. */
export type Behaviour = { slowShare?: number; flakyShare?: number; offlineShare?: number; clockSkewSec?: number };

/** How one process is set up. It holds each `processes`-th host, from its `index` on. */
export type WorkerSetUp = {
  hosts: number;
  index: number;
  processes: number;
  servers: string[];
  token: string | null;
  /** A file of one identity a line, and how many of its lines count: other processes append to it meanwhile. */
  identities: string | null;
  known: number;
  connectPerSec: number | null;
  behaviour: Behaviour;
};

export type FleetCounts = {
  hosts: number;
  connected: number;
  offline: number;
  /** Welcomes, in all. */
  connects: number;
  /** Links that ended though nobody here cut them or went offline. */
  disconnects: number;
  /** Hosts that the Central Node removed. */
  removed: number;
  reportsAcknowledged: number;
  reportsWaiting: number;
  tasksStarted: number;
};

export type AwaitedOrder = { action: string; scope: "host" | "all"; generation: number; hosts?: string[] };

export type HeldByHost = {
  sensorId: string;
  /** What the agent's journal and enforcers hold. `wish`: as the enforcer was asked last; null: lifted. */
  settings: { action: string; scope: string; wish: object | null; generation: number | null }[];
  /** Starts of programs, by command line. */
  started: Record<string, number>;
};

export type WorkerCost = { cpuMs: number; residentBytes: number };

export type Call =
  | { what: "set-up"; setUp: WorkerSetUp }
  | { what: "start" }
  | { what: "counts" }
  | { what: "latencies" }
  | { what: "cut"; share: number }
  | { what: "set-offline"; share: number }
  | { what: "acknowledgements"; order: AwaitedOrder }
  | { what: "holds" }
  | { what: "cost" }
  | { what: "close" };

/** Answers to the calls, by name. */
export type Answers = {
  "set-up": string[];
  start: null;
  counts: FleetCounts;
  /** Of reports: from the spool to the acknowledgement, milliseconds. Of the newest 10,000 in each process. */
  latencies: number[];
  cut: number;
  "set-offline": null;
  /** `missing`: hosts whose report about the order is not acknowledged yet. `ms`: when the others' were (monotonic clock). */
  acknowledgements: { missing: number; ms: number[] };
  holds: HeldByHost[];
  cost: WorkerCost;
  close: null;
};

export type Asked = { number: number; call: Call };
/** `code`: of a Problem, where it was one. */
export type Answered = { number: number; answer?: unknown; error?: { message: string; code: string | null } };

/** Milliseconds on the one monotonic clock that all processes of this machine share. */
export const monotonicMs = () => Number(process.hrtime.bigint()) / 1e6;
