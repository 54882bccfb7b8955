import { type ConsoleEvent, consoleApiBase, consoleDownloads } from "@cordon/contract/console-api";
import { isTouched } from "./topics.ts";

/** `lost`: what is shown may be old. */
export type LinkState = "connecting" | "live" | "lost";

const firstRetryMs = 500;
const longestRetryMs = 8_000;
/**
 * Changes of one topic that come together are asked for together; the first of them at once. A few things are asked for
 * again as often as the Central Node tells of them; a whole fleet that changes, less often.
 */
const gatherMs = { few: 250, many: 1000 };

const fewIds = 20;

/**
 * Hears from the Central Node that something changed, and has it asked for again. Reconnects by itself; after a gap
 * everything shown is asked for anew. Returns what ends it.
 */
export function listenToEvents(needs: {
  /** Asks anew for every shown query that the predicate picks. */
  refresh: (isOld: (queryKey: readonly unknown[]) => boolean) => void;
  onState: (state: LinkState) => void;
  onSessionEnded: () => void;
}): () => void {
  let source: EventSource | null = null;
  let retry: ReturnType<typeof setTimeout> | undefined;
  let retryMs = firstRetryMs;
  let wasLost = false;
  const gathered = new Map<ConsoleEvent["topic"], ConsoleEvent[]>();

  function connect(): void {
    clearTimeout(retry);
    source?.close();
    const opened = new EventSource(consoleApiBase + consoleDownloads.events.path);
    source = opened;
    opened.onopen = () => {
      retryMs = firstRetryMs;
      needs.onState("live");
      if (wasLost) needs.refresh(() => true);
      wasLost = false;
    };
    opened.onmessage = ({ data }) => hear(JSON.parse(data) as ConsoleEvent);
    opened.onerror = lose;
  }

  function lose(): void {
    source?.close();
    wasLost = true;
    needs.onState("lost");
    clearTimeout(retry);
    retry = setTimeout(connect, retryMs);
    retryMs = Math.min(retryMs * 2, longestRetryMs);
  }

  function hear(event: ConsoleEvent): void {
    if (event.topic === "session-ended") {
      needs.onSessionEnded();
      return;
    }
    const waiting = gathered.get(event.topic);
    if (waiting !== undefined) {
      waiting.push(event);
      return;
    }
    needs.refresh((key) => isTouched(key, event));
    gathered.set(event.topic, []);
    const isFew = event.ids !== undefined && event.ids.length <= fewIds;
    setTimeout(
      () => {
        const later = gathered.get(event.topic) ?? [];
        gathered.delete(event.topic);
        if (later.length > 0) hear(together(event.topic, later));
      },
      isFew ? gatherMs.few : gatherMs.many,
    );
  }

  connect();
  const reconnect = () => (source?.readyState === EventSource.OPEN ? undefined : connect());
  addEventListener("online", reconnect);
  addEventListener("offline", lose);
  return () => {
    clearTimeout(retry);
    source?.close();
    removeEventListener("online", reconnect);
    removeEventListener("offline", lose);
  };
}

/** One event that says what several said. */
export function together(topic: ConsoleEvent["topic"], events: ConsoleEvent[]): ConsoleEvent {
  if (events.some(({ ids }) => ids === undefined)) return { topic };
  return { topic, ids: [...new Set(events.flatMap(({ ids }) => ids ?? []))] };
}
