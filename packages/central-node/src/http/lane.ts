export type LaneLimits = {
  /** Under way at one moment, at the most. */
  atOnce: number;
  /**
   * How much CPU time a turn of the event loop may take: above it fewer are under way, as each may want its part of the work in one
   * turn; below it more, as then they wait for the network and not for us. Null: always `atOnce`.
   */
  turnMs: number | null;
  /** Let in by one turn of the event loop: what else waits there gets its turn in between. */
  perTurn: number;
  maxWaiting: number;
  maxWaitMs: number;
  /** After this one counts as arrived, so that those who dawdle keep nobody out. */
  maxUnderWayMs: number;
  workedMs?: () => number;
  /** Asked in each turn: whether to let nobody in yet, which goes on for so long that it does not matter. */
  holdBack?: () => boolean;
};

export type Lane = ReturnType<typeof createLane>;

type Place = { state: "waiting" | "under way" | "gone"; sinceMs: number; enter: () => void; giveUp: () => void };

const fewestAtOnce = 16;
const longestHoldMs = 50;
/** What a lane begins with. */
const someAtOnce = 32;

/** Those who want in, first come first served: so many under way at once, and so many that wait, each so long. */
export function createLane({
  atOnce,
  turnMs,
  perTurn,
  maxWaiting,
  maxWaitMs,
  maxUnderWayMs,
  workedMs = threadCpuMs,
  holdBack = () => false,
}: LaneLimits) {
  const queue: Place[] = [];
  /** Of `queue`: those before it were dealt with. */
  let head = 0;
  let waiting = 0;
  /** In the order in which they came in, so the oldest is the first. */
  const underWay = new Set<Place>();
  let shed = 0;
  let isScheduled = false;
  let lastInMs = 0;
  let window = turnMs === null ? atOnce : Math.min(someAtOnce, atOnce);

  function letIn(): void {
    if (holdBack() && performance.now() - lastInMs < longestHoldMs) {
      setImmediate(letIn);
      return;
    }
    lastInMs = performance.now();
    const before = workedMs();
    for (let count = 0; count < perTurn && underWay.size < window; ) {
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
    // With an immediate to come the event loop does not wait: until then it does one turn's work.
    setImmediate(() => {
      isScheduled = false;
      adjust(workedMs() - before);
      schedule();
    });
  }

  function adjust(tookMs: number): void {
    if (turnMs === null) return;
    if (tookMs > turnMs) window = Math.max(Math.min(fewestAtOnce, atOnce), Math.floor(window * 0.8));
    else if (underWay.size >= window) window = Math.min(atOnce, window + 1);
  }

  function dropHead(): void {
    // Not each time: what is behind it moves.
    if (head <= 1024 && head < queue.length) return;
    if (head * 2 < queue.length) return;
    queue.splice(0, head);
    head = 0;
  }

  function schedule(): void {
    if (isScheduled || underWay.size >= window || queue[head] === undefined) return;
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
      const atMs = performance.now();
      for (const place of underWay) {
        if (atMs - place.sinceMs < maxUnderWayMs) break;
        underWay.delete(place);
      }
      for (let next = queue[head]; next !== undefined; next = queue[head]) {
        if (next.state === "waiting") {
          if (atMs - next.sinceMs < maxWaitMs) break;
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

/** Time that others have had the processor says nothing of how much we do. */
function threadCpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}
