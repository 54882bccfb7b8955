/** What supervisor and guard tell each other. */

import type { Filesystem, MountWatch } from "./enforce-marks.ts";
import type { Guarded } from "./enforce-mounts.ts";
import type { Sighting } from "./enforce-sightings.ts";

export type ToGuard =
  | {
      type: "start";
      guarded: Guarded;
      watchBy: MountWatch;
      /** SHA-256 in hexadecimal. */
      canary: string;
      trusted: number[];
      /** A guard before this one may have left questions unanswered. */
      hasLeftovers: boolean;
    }
  /** The digests follow as bytes: see packDenySet. */
  | { type: "rules"; id: number; lengths: number[]; scripts: boolean }
  | { type: "trust"; pids: number[] }
  | { type: "state"; id: number };

export type GuardState = {
  /** Of what is banned, per scope: see digestOfDigests. */
  digests: { host: string; all: string };
  scripts: boolean;
  filesystems: Filesystem[];
  denied: number;
  remembered: number;
  knownBad: number;
};

export type FromGuard =
  /** It has loaded all that it needs, and waits for rules and the start. */
  | { type: "ready" }
  | { type: "alive" }
  /** The answer to `state`, and to `rules` once they hold. */
  | { type: "state"; id: number; state: GuardState }
  | { type: "sighting"; sighting: Sighting }
  | { type: "alarm"; code: string; detail: string }
  | { type: "fault"; detail: string };
