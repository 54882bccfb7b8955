/** All benchmarks by their names. Each gives the rows of one figure of the table. */
import type { BenchRow } from "./bench-row.ts";

export type Sizes = { hosts?: number; minutes?: number; fleetFolder?: string };
type Benchmark = {
  what: string;
  run(sizes: Sizes): Promise<BenchRow | BenchRow[]>;
  /** What the target is meant for: with fewer hosts a row tells something, and is not met. Absent where the benchmark says it itself. */
  targetHosts?: number;
};

// Loaded when they are run: whoever only asks for help, or mistypes, waits for none of them.
export const benchmarks: Record<string, Benchmark> = {
  P1: {
    what: "an isolation, from the order to the first refused packet (1 min)",
    run: async () => (await import("./p1-isolation.ts")).p1(),
  },
  P2: {
    what: "20,000 agents held for --minutes (15 min)",
    run: async (sizes) => (await import("./p2-agents-held.ts")).p2(sizes),
  },
  P3: {
    what: "a rule for all of 10,000 hosts (4 min)",
    run: async (sizes) => (await import("./p3-rule-for-all.ts")).p3(sizes),
    targetHosts: 10_000,
  },
  P4: {
    what: "what prevention costs whoever starts a program (3 min)",
    run: async () => (await import("./p4-exec-cost.ts")).p4(),
  },
  P5: {
    what: "the Response API with 15,000 hosts (3 min)",
    run: async (sizes) => (await import("./p5-response-api.ts")).p5(sizes),
    targetHosts: 15_000,
  },
  P6: {
    what: "10,000 agents cut at once, and after kill -9 (8 min)",
    run: async (sizes) => (await import("./p6-reconnect-storm.ts")).p6(sizes),
    targetHosts: 10_000,
  },
  // As many as one process may have files for where that is a little less than 20,000.
  P7: {
    what: "P3 and P5 with 1,000, 5,000 and 20,000 hosts (8 min)",
    run: async (sizes) => (await import("./p7-growth.ts")).p7(sizes),
    targetHosts: 19_000,
  },
  P8: {
    what: "one, two and four Central Nodes on one PostgreSQL (4 min)",
    run: async ({ hosts = 1000 }) => (await import("./p8-many-nodes.ts")).p8({ hosts: Math.min(hosts, 1000) }),
    targetHosts: 1000,
  },
  P9: { what: "memory of agent and guard (2 min)", run: async () => (await import("./p9-memory.ts")).p9() },
};
