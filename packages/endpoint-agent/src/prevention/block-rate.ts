import type { Block } from "@cordon/response-actions";

/** A block like one of the last minute is merged with others like it, and told once the minute is over. */
const windowMs = 60_000;
/** In all, on the average; a burst of `burst` may come at once. */
const perSec = 5;
const burst = 50;
/** Different files and paths that are told apart at a time. */
const maxKinds = 2_000;

/**
 * Lets through the first block of a file at a path, merges those that follow, and keeps all of them below a rate: whoever
 * starts a banned file in a loop must fill neither this host's disk nor the Central Node's.
 */
export function createBlockRate(nowMs: () => number) {
  const recent = new Map<string, { untilMs: number; merged: Block | null }>();
  let tokens = burst;
  let filledMs = nowMs();
  let lost = 0;

  function takeToken(): boolean {
    const at = nowMs();
    tokens = Math.min(burst, tokens + ((at - filledMs) / 1000) * perSec);
    filledMs = at;
    if (tokens < 1) return false;
    tokens -= 1;
    return true;
  }

  return {
    /** The block, where it is to be told now. */
    pass(block: Block): Block | null {
      const kind = `${block.kind} ${block.scope} ${block.hash} ${block.path}`;
      const entry = recent.get(kind);
      if (entry !== undefined) {
        entry.merged = { ...block, count: block.count + (entry.merged?.count ?? 0) };
        return null;
      }
      if (recent.size >= maxKinds) {
        lost += block.count;
        return null;
      }
      const passes = takeToken();
      recent.set(kind, { untilMs: nowMs() + windowMs, merged: passes ? null : block });
      return passes ? block : null;
    },

    /** Merged blocks whose minute is over, as far as the rate lets them through; `all`: every one. */
    due({ all }: { all: boolean }): Block[] {
      const at = nowMs();
      const due: Block[] = [];
      for (const [kind, entry] of recent) {
        if (!all && entry.untilMs > at) continue;
        if (entry.merged === null) recent.delete(kind);
        else if (all || takeToken()) {
          due.push(entry.merged);
          recent.set(kind, { untilMs: at + windowMs, merged: null });
        }
      }
      return due;
    },

    /** Blocks that were not even merged, since the last call. */
    takeLost(): number {
      const taken = lost;
      lost = 0;
      return taken;
    },
    isIdle: () => recent.size === 0 && lost === 0,
  };
}
