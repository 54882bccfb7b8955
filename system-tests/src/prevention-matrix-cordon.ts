/** Our own execution guard, ordered as the agent orders it. */
import type { Engine } from "./prevention-matrix-engine.ts";

/** `folder`: an empty one on a file system that it does not guard. */
export function createCordonEngine(_folder: string, { scripts }: { scripts: boolean }): Engine {
  return {
    name: scripts ? "cordon-scripts" : "cordon",
    arm: async () => {
      throw new Error("not there yet");
    },
    disarm: async () => {},
    residentBytes: () => 0,
  };
}
