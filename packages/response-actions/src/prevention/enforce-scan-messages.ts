/** What the supervisor and a scan tell each other. */
import type { Scope } from "./enforce-deny-set.ts";
import type { Guarded } from "./enforce-mounts.ts";
import type { Sighting } from "./enforce-sightings.ts";

/** The digests follow as bytes: see packDenySet. */
export type ToScan = {
  lengths: number[];
  guarded: Guarded;
  /** Whose files' processes are killed. */
  killScopes: Scope[];
  /** Never killed, whatever they run. */
  sparedPids: number[];
  /** Where it keeps the digests of files, so that the next one need not read them again. */
  indexPath: string;
};

export type FromScan =
  | { type: "sighting"; sighting: Sighting }
  /** A banned file, by a path that leads to it from here. */
  | { type: "found"; path: string }
  | { type: "progress"; filesSeen: number; filesFound: number }
  | { type: "done"; filesSeen: number; filesFound: number; leftOut: string | null };
