import type { ConsoleEvent } from "@cordon/contract/console-api";
import type { Changes, ChangeTopic } from "../changes/changes.ts";
import type { Nudges } from "../hosts/nudges.ts";

export type EventHub = ReturnType<typeof createEventHub>;

/** A change is told after so long, with what came meanwhile, and the same topic at most so often. */
const firstAfterMs = 40;
const atMostEveryMs = 250;
/** More IDs than that are told as "any of them". */
const maxIds = 100;
const maxIdsToOthers = 20;

const topics = [
  "hosts",
  "isolation-rules",
  "prevention-rules",
  "tasks",
  "external-systems",
  "users",
  "audit",
  "settings",
  "join-tokens",
  "session-ended",
] as const satisfies ChangeTopic[];

/** Null stands for any of them. */
export type ChangedIds = Set<string> | null;

export function addIds(known: ChangedIds | undefined, more: readonly string[] | undefined): ChangedIds {
  if (known === null || more === undefined) return null;
  const all = new Set([...(known ?? []), ...more]);
  return all.size > maxIds ? null : all;
}

/** Gathers what the slices of this Central Node, and of the others on its database, tell, and passes it on in few words. */
export function createEventHub({
  changes,
  nudges,
}: {
  changes: Pick<Changes, "onChange">;
  nudges: Pick<Nudges, "onTold" | "onGap" | "tellOthers">;
}) {
  const listeners = new Set<(event: ConsoleEvent) => void>();
  const waiting = new Map<ChangeTopic, { here: ChangedIds | undefined; elsewhere: ChangedIds | undefined }>();
  const timers = new Map<ChangeTopic, NodeJS.Timeout>();

  function add(topic: ChangeTopic, ids: readonly string[] | undefined, from: "here" | "elsewhere"): void {
    const known = waiting.get(topic) ?? { here: undefined, elsewhere: undefined };
    waiting.set(topic, { ...known, [from]: addIds(known[from], ids) });
    if (!timers.has(topic)) later(topic, firstAfterMs);
  }

  function later(topic: ChangeTopic, ms: number): void {
    timers.set(topic, setTimeout(pass, ms, topic).unref());
  }

  function pass(topic: ChangeTopic): void {
    const gathered = waiting.get(topic);
    if (gathered === undefined) {
      timers.delete(topic);
      return;
    }
    waiting.delete(topic);
    later(topic, atMostEveryMs);
    const { here, elsewhere } = gathered;
    if (here !== undefined) tellOthers(topic, here);
    const parts = [here, elsewhere].filter((ids) => ids !== undefined);
    const ids = parts.reduce<ChangedIds | undefined>(
      (all, part) => addIds(all, part === null ? undefined : [...part]),
      undefined,
    );
    const event: ConsoleEvent = ids === null || ids === undefined ? { topic } : { topic, ids: [...ids] };
    for (const listener of listeners) listener(event);
  }

  function tellOthers(topic: ChangeTopic, ids: ChangedIds): void {
    if (ids === null || ids.size > maxIdsToOthers) nudges.tellOthers(topic);
    else for (const id of ids) nudges.tellOthers(`${topic} ${id}`);
  }

  function hear(told: string): void {
    const [, topic, id] = /^(\S+)(?: (.{1,128}))?$/.exec(told) ?? [];
    if (!isTopic(topic)) return;
    add(topic, id === undefined ? undefined : [id], "elsewhere");
  }

  const publish = ({ topic, ids }: ConsoleEvent): void => {
    add(topic, ids, "here");
    // Whatever was changed, or refused, has an entry there.
    if (topic !== "audit" && topic !== "session-ended") add("audit", undefined, "here");
  };
  changes.onChange(({ topic, id }) => publish({ topic, ...(id === undefined ? {} : { ids: [id] }) }));
  nudges.onTold(hear);
  nudges.onGap(() => {
    for (const topic of topics) add(topic, undefined, "elsewhere");
  });

  return {
    publish,
    /** Returns how to stop listening. */
    listen(listener: (event: ConsoleEvent) => void): () => void {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    close(): void {
      for (const timer of timers.values()) clearTimeout(timer);
      timers.clear();
      listeners.clear();
    },
  };
}

function isTopic(text: string | undefined): text is ChangeTopic {
  return (topics as readonly (string | undefined)[]).includes(text);
}
