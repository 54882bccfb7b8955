/** Makes few events of many: the first of a kind is told at once, those like it within a while afterwards as one. */
import type { Asker } from "./enforce-askers.ts";
import type { Found } from "./enforce-deny-set.ts";

/** What the guard tells of one denial. Digests in hexadecimal. */
export type Sighting = Asker & {
  kind: "denied" | "running" | "killed";
  at: string;
  path: string;
  hash: string;
  algorithm: Found["algorithm"];
  scope: Found["scope"];
  fileSha256: string | null;
  count: number;
};

const mergeForMs = 5000;
/** Different ones within that time; more are only counted. */
const maxDifferent = 200;

export function createSightings({ tell, lost }: { tell(sighting: Sighting): void; lost(count: number): void }) {
  const merging = new Map<string, { since: number; sighting: Sighting }>();
  let lostCount = 0;

  return {
    /** `look` is asked only for what is told: it takes time that others wait for. */
    take({ key, look }: { key: string; look(): Sighting }) {
      const like = merging.get(key);
      if (like !== undefined) {
        like.sighting.count += 1;
        return;
      }
      if (merging.size >= maxDifferent) {
        lostCount += 1;
        return;
      }
      const sighting = look();
      tell(sighting);
      merging.set(key, { since: performance.now(), sighting: { ...sighting, count: 0 } });
    },

    /** Tells what was merged for long enough. `all`: all of it. */
    flush({ all = false } = {}) {
      const now = performance.now();
      for (const [key, { since, sighting }] of merging) {
        if (!all && now - since < mergeForMs) continue;
        merging.delete(key);
        if (sighting.count > 0) tell({ ...sighting, at: new Date().toISOString() });
      }
      if (lostCount > 0 && merging.size < maxDifferent) {
        lost(lostCount);
        lostCount = 0;
      }
    },
  };
}
