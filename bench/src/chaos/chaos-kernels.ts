/**
 * What a host remembers without its agent, as its kernel would: rules that were loaded and programs that run. One file of
 * events for all hosts of a process: a line written is an effect had, and kill -9 takes nothing of it back.
 */
import { existsSync, openSync, readFileSync, writeSync } from "node:fs";
import { monotonicMs } from "../fleet/fleet-messages.ts";
import type { HostEvent } from "./chaos-history.ts";

type Rule = { content: string; endsAtMs: number | null };
type News = HostEvent extends infer Event
  ? Event extends HostEvent
    ? Omit<Event, "ms" | "sensorId" | "process">
    : never
  : never;

export function readEvents(file: string): HostEvent[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, "utf8").split("\n");
  return lines.slice(0, -1).map((line) => JSON.parse(line) as HostEvent);
}

/** `process`: how often the agents that write here have been started. `speed`: of the hosts' clocks. */
export function openKernels(file: string, { process, speed }: { process: number; speed: number }) {
  const rules = new Map<string, Rule>();
  const generations = new Map<string, string>();
  const programs = new Map<string, { pid: number; endsAtMs: number }>();
  let lastPid = 0;
  for (const event of readEvents(file)) apply(event);
  const out = openSync(file, "a", 0o600);

  function apply(event: HostEvent) {
    const { sensorId } = event;
    if (event.what === "start") {
      lastPid = Math.max(lastPid, event.pid);
      programs.set(`${sensorId} ${event.pid}`, event);
      return;
    }
    if (event.what === "end") return;
    const key = `${sensorId} ${event.action} ${event.scope}`;
    if (event.what === "hold") generations.set(key, `${event.lineage} ${event.generation}`);
    else if (event.content === null) rules.delete(key);
    else rules.set(key, { content: event.content, endsAtMs: event.endsAtMs });
  }

  return (sensorId: string) => {
    function happen(news: News) {
      const event = { ms: monotonicMs(), sensorId, process, ...news } as HostEvent;
      writeSync(out, `${JSON.stringify(event)}\n`);
      apply(event);
    }
    const inForce = (action: string, scope: string): Rule | null => {
      const rule = rules.get(`${sensorId} ${action} ${scope}`);
      return rule === undefined || (rule.endsAtMs !== null && rule.endsAtMs <= monotonicMs()) ? null : rule;
    };
    return {
      inForce,
      enforce(action: string, scope: string, content: string | null, remainingSec: number | null) {
        const endsAtMs = remainingSec === null ? null : monotonicMs() + (remainingSec * 1000) / speed;
        happen({ what: "enforce", action, scope, content, endsAtMs });
      },
      /** Told of every record that is durable in the journal; only what is new is written down. */
      hold(action: string, scope: string, lineage: string, generation: number) {
        if (generations.get(`${sensorId} ${action} ${scope}`) === `${lineage} ${generation}`) return;
        happen({ what: "hold", action, scope, lineage, generation });
      },
      start(taskId: string, lastsMs: number): number {
        lastPid += 1;
        happen({ what: "start", taskId, pid: lastPid, endsAtMs: monotonicMs() + lastsMs });
        return lastPid;
      },
      end: (taskId: string, how: "done" | "terminated") => happen({ what: "end", taskId, how }),
      /** Whether that program, which a killed agent left, runs still. */
      isRunning: (pid: number) => (programs.get(`${sensorId} ${pid}`)?.endsAtMs ?? 0) > monotonicMs(),
    };
  };
}
export type Kernel = ReturnType<ReturnType<typeof openKernels>>;
