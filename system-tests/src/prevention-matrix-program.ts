/**
 * The bypass matrix's side of a namespace. Started by prevention-matrix-lab.ts in mount, network and process namespaces
 * of its own, with a folder to mount over as its argument: whatever it leaves behind goes with the namespaces.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { serveCalls } from "./called-program.ts";
import { type Cost, prepareCost } from "./prevention-matrix-cost.ts";
import { leaveMountsOfTypes } from "./prevention-matrix-disk.ts";
import type { EngineName } from "./prevention-matrix-engine.ts";
import { createEngine } from "./prevention-matrix-engines.ts";
import { tryWays } from "./prevention-matrix-trial.ts";

const [folder = ""] = process.argv.slice(2);
leaveMountsOfTypes(["tmpfs", "ext2"]);
// In memory, and of a type that no engine guards: images, state and settings lie here.
execFileSync("mount", ["-t", "ramfs", "cordon-matrix", folder]);
execFileSync("ip", ["link", "set", "lo", "up"]);
for (const each of ["engine", "trial", "cost"]) mkdirSync(join(folder, each));

let cost: Cost | null = null;
function prepared(): Cost {
  if (cost === null) throw new Error("prepareCost comes first");
  return cost;
}

const calls = {
  /** All ways, or the one of that name. */
  tryWays: ({ engine, only }: { engine: EngineName; only?: string }) =>
    tryWays(
      createEngine(engine, join(folder, "engine")),
      join(folder, "trial"),
      (way) => only === undefined || way.name === only,
    ),
  /** Before the three that follow. */
  async prepareCost({ engine, banned }: { engine: EngineName; banned: number }) {
    cost = await prepareCost(createEngine(engine, join(folder, "engine")), join(folder, "cost"), banned);
  },
  timeStarts: ({ count }: { count: number }) => prepared().timeStarts(count),
  timeOpens: ({ count }: { count: number }) => prepared().timeOpens(count),
  /** By which what is in here can be told from outside. */
  processNamespace: (_: null) => readlinkSync("/proc/self/ns/pid"),
};
export type LabCalls = typeof calls;

serveCalls(calls);
