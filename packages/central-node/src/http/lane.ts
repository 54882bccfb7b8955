export type LaneLimits = {
  /** Whose cost may fall due in one turn of the event loop. */
  atOnce: number;
  /** Let in by one turn of the event loop: what else waits there gets its turn in between. */
  perTurn: number;
  maxWaiting: number;
  maxWaitMs: number;
  /** After this one counts as arrived, so that those who dawdle keep nobody out. */
  maxUnderWayMs: number;
};

export type Lane = ReturnType<typeof createLane>;

type Place = { state: "waiting" | "under way" | "gone"; sinceMs: number; enter: () => void; giveUp: () => void };

/** Those who want in, first come first served: so many under way at once, and so many that wait, each so long. */
export function createLane({ atOnce, perTurn, maxWaiting, maxWaitMs, maxUnderWayMs }: LaneLimits) {
  const queue: Place[] = [];
  /** Of `queue`: those before it were dealt with. */
  let head = 0;
  let waiting = 0;
  /** In the order in which they came in, so the oldest is the first. */
  const underWay = new Set<Place>();
  let shed = 0;
  let isScheduled = false;

  function letIn(): void {
    isScheduled = false;
    for (let count = 0; count < perTurn && underWay.size < atOnce; ) {
      const next = queue[head];
      if (next === undefined) break;
      head += 1;
      if (next.state !== "waiting") continue;
      waiting -= 1;
      next.state = "under way";
      next.sinceMs = performance.now();
      underWay.add(next);
      count += 1;
      next.enter();
    }
    dropHead();
    schedule();
  }

  function dropHead(): void {
    // Not each time: what is behind it moves.
    if (head <= 1024 && head < queue.length) return;
    if (head * 2 < queue.length) return;
    queue.splice(0, head);
    head = 0;
  }

  function schedule(): void {
    if (isScheduled || underWay.size >= atOnce || queue[head] === undefined) return;
    isScheduled = true;
    setImmediate(letIn);
  }

  return {
    /**
     * `enter` is called when it is one's turn, `giveUp` when none comes in time; null: too many wait already. What is
     * returned says that one has arrived, or went away; it may be called more than once.
     */
    queue(enter: () => void, giveUp: () => void): (() => void) | null {
      if (waiting >= maxWaiting) {
        shed += 1;
        return null;
      }
      const place: Place = { state: "waiting", sinceMs: performance.now(), enter, giveUp };
      queue.push(place);
      waiting += 1;
      schedule();
      return () => {
        if (place.state === "waiting") waiting -= 1;
        place.state = "gone";
        if (underWay.delete(place)) schedule();
      };
    },
    /** To be called every second or so. */
    sweep(): void {
      const nowMs = performance.now();
      for (const place of underWay) {
        if (nowMs - place.sinceMs < maxUnderWayMs) break;
        underWay.delete(place);
      }
      for (let next = queue[head]; next !== undefined; next = queue[head]) {
        if (next.state === "waiting") {
          if (nowMs - next.sinceMs < maxWaitMs) break;
          waiting -= 1;
          next.state = "gone";
          shed += 1;
          next.giveUp();
        }
        head += 1;
      }
      dropHead();
      schedule();
    },
    waiting: (): number => waiting,
    /** Sent away since the start: too many waited, or it took too long. */
    shed: (): number => shed,
  };
}
