import { createCordonEngine } from "./prevention-matrix-cordon.ts";
import { createNoEngine, type Engine, type EngineName } from "./prevention-matrix-engine.ts";
import { createFapolicydEngine } from "./prevention-matrix-fapolicyd.ts";

/** `folder`: an empty one on a file system that no engine guards. */
export function createEngine(name: EngineName, folder: string): Engine {
  switch (name) {
    case "none":
      return createNoEngine();
    case "fapolicyd":
    case "fapolicyd-strict":
      return createFapolicydEngine(folder, { strict: name === "fapolicyd-strict" });
    case "cordon":
    case "cordon-scripts":
      return createCordonEngine(folder, { scripts: name === "cordon-scripts" });
  }
}
