/** What the agent's main thread and the supervisor's thread tell each other. */
import type { Scope } from "./enforce-deny-set.ts";
import type { EngineEffect, EngineOptions } from "./enforce-engine.ts";
import type { Probe } from "./enforce-probe.ts";
import type { ScanEvent } from "./enforce-scanning.ts";
import type { Sighting } from "./enforce-sightings.ts";

export type WorkerData = Pick<EngineOptions, "directory" | "guarded" | "watchBy" | "agentPid">;

export type Calls = {
  enforce: {
    scope: Scope;
    order: { digests: { sha256: Uint8Array; md5: Uint8Array }; scripts: boolean; killRunning: boolean } | null;
  };
  readBack: { scope: Scope };
  startProbe: object;
  endProbe: object;
  close: object;
};
export type Results = {
  enforce: EngineEffect;
  readBack: EngineEffect;
  startProbe: Probe | { why: string };
  endProbe: undefined;
  close: undefined;
};

export type ToWorker = { id: number; call: { [N in keyof Calls]: { name: N } & Calls[N] }[keyof Calls] };
export type FromWorker =
  | { type: "answer"; id: number; result?: unknown; error?: string }
  | { type: "sighting"; sighting: Sighting }
  | { type: "alarm"; code: string; detail: string; at: string }
  | { type: "scan"; progress: ScanEvent };
