import type { GivenOrder, History, TaskRead } from "./chaos-history.ts";
import { type Violation, violation } from "./chaos-rules.ts";

type Start = { ms: number; sensorId: string };
type Task = GivenOrder & { taskId: string };

export function judgeTasks(history: History): Violation[] {
  const found: Violation[] = [];
  const starts = Map.groupBy(
    history.events.filter((event) => event.what === "start"),
    ({ taskId }) => taskId,
  );
  const ended = new Set(history.events.filter((event) => event.what === "end" && event.how === "done").map(taskOf));
  const reads = new Map(history.tasks.map((read) => [read.taskId, read]));
  const created = Map.groupBy(
    history.audit.entries.filter(({ action }) => action === "run-process.create"),
    ({ object }) => object,
  );
  const tasks = history.orders.flatMap((given): Task[] =>
    given.order.kind === "run" ? [{ ...given, taskId: given.order.taskId }] : [],
  );

  for (const task of tasks) {
    const { taskId } = task;
    const read = reads.get(taskId);
    const isThere = read?.state != null;
    const started = starts.get(taskId) ?? [];
    found.push(...judgeStarts(task, started));
    const entries = created.get(taskId)?.length ?? 0;
    if (entries !== (isThere ? 1 : 0)) {
      found.push(violation("auditLacks", `task ${taskId} is ${read?.state ?? "unknown"} and has ${entries} entries`));
    }
    if (!isThere) {
      if (task.answer === "accepted")
        found.push(violation("neverEnded", `task ${taskId} was accepted, and is unknown`));
      if (started.length > 0) {
        found.push(violation("taskUntrue", `task ${taskId} was started, and is unknown`, started[0]?.ms));
      }
      continue;
    }
    found.push(...judgeEnd(history, task, read, { started: started.length, ended: ended.has(taskId) }));
  }
  const known = new Set(tasks.map(({ taskId }) => taskId));
  for (const [taskId, [first]] of starts) {
    if (!known.has(taskId)) found.push(violation("orderUnknown", `task ${taskId} was started`, first?.ms));
  }
  return found;
}

const taskOf = (event: History["events"][number]) => ("taskId" in event ? event.taskId : "");

function judgeStarts({ taskId, order }: Task, started: Start[]): Violation[] {
  const found: Violation[] = [];
  if (started.length > 1) {
    found.push(violation("startedTwice", `task ${taskId} was started ${started.length} times`, started[1]?.ms));
  }
  const elsewhere = started.find(({ sensorId }) => sensorId !== order.target);
  if (elsewhere !== undefined) {
    found.push(
      violation("startedTwice", `task ${taskId} of ${order.target} ran on ${elsewhere.sensorId}`, elsewhere.ms),
    );
  }
  return found;
}

function judgeEnd(
  history: History,
  { taskId, order, attempts }: Task,
  { state, sensorId, error }: TaskRead,
  seen: { started: number; ended: boolean },
): Violation[] {
  if (sensorId !== order.target) return [violation("taskUntrue", `task ${taskId} is said to be of ${sensorId}`)];
  if (state === "completed") {
    const isTrue = seen.started > 0 && seen.ended;
    return isTrue ? [] : [violation("taskUntrue", `task ${taskId} is completed, and did not run to its end`)];
  }
  if (state !== "failed") return [violation("neverEnded", `task ${taskId} is ${state} in the end`)];
  // Nothing here makes a program fail but the end of its agent's process.
  const agents = history.memory.find((host) => host.sensorId === order.target)?.agents;
  const sentMs = attempts[0]?.sentMs ?? 0;
  const wasKilled = history.faults.some(
    ({ what, which, kind, healedMs }) => what === "agents" && which === agents && kind === "kill" && healedMs >= sentMs,
  );
  if (wasKilled && error?.startsWith("AGENT_RESTARTED") === true) return [];
  return [violation("neverEnded", `task ${taskId} failed without cause: ${error}`)];
}
