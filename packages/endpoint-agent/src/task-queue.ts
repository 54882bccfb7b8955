import { randomUUID } from "node:crypto";
import { type AgentFailureCode, describeFault, findFault, type TaskOrder, type TaskReport } from "@cordon/contract";
import { responseActions, type TaskAction } from "@cordon/response-actions";
import type { PrintedSoFar, TaskEnforcer, TaskOutcome } from "@cordon/response-actions/enforcers";
import type { Checkpoint } from "./checkpoint.ts";
import type { Abilities } from "./host/abilities.ts";
import type { Clock } from "./host/clock.ts";
import type { Enforcers } from "./host/enforcers.ts";
import type { Journal } from "./journal/journal.ts";
import type { TaskRecord } from "./journal/task-store.ts";
import type { LocalPolicy } from "./local-policy.ts";
import type { Logger } from "./log.ts";
import type { Outbox } from "./outbox.ts";

export type TaskQueue = ReturnType<typeof createTaskQueue>;

type NewReport = Omit<TaskReport, "type" | "reportId" | "taskId">;

/** Tasks that wait, run or are not acknowledged; more are dropped, and offered again at the next contact. */
const maxOpenTasks = 10_000;

/**
 * Starts each task at most once, whatever is lost or killed: `starting` is on disk before the program starts, and what is
 * found there after a restart is reported, never started again. `maxAtOnce` programs run, the others wait in order.
 */
export function createTaskQueue(needs: {
  journal: Journal;
  outbox: Outbox;
  enforcers: Enforcers;
  abilities: Abilities;
  policy: LocalPolicy;
  clock: Clock;
  log: Logger;
  checkpoint: Checkpoint;
  maxAtOnce?: number;
  /** What a running program has printed so far. Not an outcome: it may be lost. */
  onOutput?(taskId: string, printed: PrintedSoFar): void;
}) {
  const { journal, outbox, enforcers, abilities, policy, clock, log, checkpoint, maxAtOnce = 4 } = needs;
  const waiting: string[] = [];
  const running = new Map<string, { stop: AbortController; cancelled: boolean; ended: Promise<void> }>();
  let stopping = false;
  let resuming: Promise<unknown> = Promise.resolve();

  return {
    /** After a start of the agent: what was accepted waits again, what may have been started is ended and reported. */
    resume() {
      const unfinished = journal.tasks.unfinished();
      waiting.push(...unfinished.filter(({ step }) => step === "accepted").map(({ taskId }) => taskId));
      startWaiting();
      // On the side: a leftover may take seconds to end, and an isolation must not wait for it.
      resuming = Promise.all(unfinished.filter(({ step }) => step !== "accepted").map(endLeftover));
    },

    take(order: TaskOrder) {
      checkpoint("task-received");
      const known = journal.tasks.find(order.taskId);
      if (known !== null) {
        reportAgain(known);
        return;
      }
      if (waiting.length + running.size + journal.spool.count() >= maxOpenTasks) {
        log.warn({ taskId: order.taskId }, "dropped a task: too many wait already");
        return;
      }
      const { taskId, action, parameters } = order;
      const record: TaskRecord = {
        taskId,
        action,
        parameters,
        step: "accepted",
        process: null,
        report: { state: "accepted" },
      };
      const refusal = findRefusal(order);
      log.info({ taskId, action, refusal }, "task ordered");
      if (refusal !== null) {
        finish({ ...record, parameters: {} }, { state: "failed", ...refusal });
        return;
      }
      move(record, "accepted", { state: "accepted" });
      checkpoint("task-accepted");
      waiting.push(taskId);
      startWaiting();
    },

    cancel(taskId: string) {
      const known = journal.tasks.find(taskId);
      const run = running.get(taskId);
      log.info({ taskId, step: known?.step ?? null }, "task cancelled");
      if (run !== undefined) {
        run.cancelled = true;
        run.stop.abort();
      } else if (known === null) {
        // Remembered, as the order itself may still be on its way.
        finish(
          { taskId, action: "", parameters: {}, step: "done", process: null, report: { state: "cancelled" } },
          { state: "cancelled" },
        );
      } else if (known.step === "accepted") {
        const at = waiting.indexOf(taskId);
        if (at !== -1) waiting.splice(at, 1);
        finish(known, { state: "cancelled" });
      } else {
        reportAgain(known);
      }
    },

    counts: () => ({ waiting: waiting.length, running: running.size }),

    /** Resolves when nothing runs and nothing waits. */
    async idle() {
      await resuming;
      while (running.size > 0) await Promise.all([...running.values()].map((run) => run.ended));
    },

    /** Terminates what runs and writes down that it was. What waits is started by the next agent. */
    async close() {
      stopping = true;
      for (const run of running.values()) run.stop.abort();
      await Promise.all([resuming, ...[...running.values()].map((run) => run.ended)]);
    },
  };

  function findRefusal({ action: name, parameters }: TaskOrder): { reason: AgentFailureCode; detail: string } | null {
    const action = findTaskAction(name);
    if (action === null) return { reason: "NOT_SUPPORTED", detail: `this agent knows no task ${JSON.stringify(name)}` };
    const fault = findFault(action.parameters, parameters) ?? action.findFault(parameters as never);
    if (fault !== null) return { reason: "INVALID_ORDER", detail: `parameters: ${describeFault(fault)}` };
    if (!policy.allows({ name, kind: "task" })) {
      return { reason: "FORBIDDEN_BY_LOCAL_POLICY", detail: `the policy file on this host does not allow ${name}` };
    }
    if (taskEnforcer(name) === null)
      return { reason: "NOT_SUPPORTED", detail: `${name} cannot be done on this system` };
    const whyNot = abilities.whyNot(name);
    return whyNot === null ? null : { reason: "NOT_SUPPORTED", detail: whyNot };
  }

  async function endLeftover(record: TaskRecord) {
    const { taskId, action, process } = record;
    try {
      const wasThere = process !== null && (await taskEnforcer(action)?.terminateLeftover(process)) === true;
      log.warn({ taskId, terminated: wasThere }, "a task was under way when the agent ended");
      finish(record, { state: "failed", reason: "AGENT_RESTARTED", detail: describeLeftover(record, wasThere) });
    } catch (error) {
      log.error({ error, taskId }, "what is left of a task could not be ended; the next start tries again");
    }
  }

  function startWaiting() {
    while (!stopping && running.size < maxAtOnce) {
      const taskId = waiting.shift();
      if (taskId === undefined) return;
      const record = journal.tasks.find(taskId);
      if (record?.step !== "accepted") continue;
      const run = { stop: new AbortController(), cancelled: false, ended: Promise.resolve() };
      running.set(taskId, run);
      run.ended = start(record, run)
        .catch((error: unknown) => log.error({ error, taskId }, "what came of a task could not be written down"))
        .finally(() => {
          running.delete(taskId);
          startWaiting();
        });
    }
  }

  async function start(accepted: TaskRecord, run: { stop: AbortController; cancelled: boolean }) {
    // In a later turn: a program is never started from inside the message handler.
    await null;
    const enforcer = taskEnforcer(accepted.action);
    if (enforcer === null) {
      finish(accepted, { state: "failed", reason: "NOT_SUPPORTED", detail: "the agent can no longer do this" });
      return;
    }
    let record: TaskRecord = { ...accepted, step: "starting" };
    journal.tasks.put(record);
    checkpoint("task-starting");
    let outcome: NewReport;
    try {
      const result = await enforcer.run({
        parameters: record.parameters,
        signal: run.stop.signal,
        onStarted(process) {
          record = move({ ...record, process }, "running", { state: "running", startedAt: now() });
          checkpoint("task-running");
        },
        onOutput: (printed) => needs.onOutput?.(record.taskId, printed),
      });
      outcome = toReport(result);
    } catch (error) {
      log.error({ error, taskId: record.taskId }, "a task's enforcer failed in a way that it should not");
      outcome = { state: "failed", reason: "AGENT_FAULT", detail: String(error) };
    }
    if (outcome.state === "cancelled" && !run.cancelled) {
      // Aborted because the agent stops, not because anybody wanted the task gone.
      outcome = {
        ...outcome,
        state: "failed",
        reason: "AGENT_RESTARTED",
        detail: "the agent was stopped, and terminated it",
      };
    }
    finish(record, outcome);
    checkpoint("task-finished-journaled");
  }

  function finish(record: TaskRecord, outcome: NewReport) {
    const startedAt = outcome.startedAt ?? record.report.startedAt;
    const report = { ...outcome, ...(startedAt === undefined ? {} : { startedAt }), finishedAt: now() };
    // The parameters are not needed any more, and 10,000 of them would be.
    move({ ...record, parameters: {}, process: null }, "done", report);
    log.info({ taskId: record.taskId, state: outcome.state, reason: outcome.reason }, "task ended");
  }

  /** One transaction: the step and the report about it are on disk together. */
  function move(record: TaskRecord, step: TaskRecord["step"], report: NewReport): TaskRecord {
    const { stdout: _stdout, stderr: _stderr, ...remembered } = report;
    const moved: TaskRecord = { ...record, step, report: remembered };
    journal.transaction(() => {
      journal.tasks.put(moved);
      outbox.put(address(record.taskId, report));
      if (step === "done") journal.tasks.prune();
    });
    outbox.announce();
    return moved;
  }

  function reportAgain(record: TaskRecord) {
    if (journal.spool.has({ type: "task-report", taskId: record.taskId })) return;
    outbox.put(address(record.taskId, record.report));
    outbox.announce();
  }

  /** An action that is a task has a task's enforcer: the table says so, but not for a name known only at run time. */
  function taskEnforcer(name: string): TaskEnforcer<object, string> | null {
    if (findTaskAction(name) === null || !Object.hasOwn(enforcers, name)) return null;
    return enforcers[name as keyof Enforcers] as TaskEnforcer<object, string>;
  }

  function now(): string {
    return new Date(clock.wallMs()).toISOString();
  }
}

function findTaskAction(name: string): TaskAction | null {
  if (!Object.hasOwn(responseActions, name)) return null;
  const action = responseActions[name as keyof typeof responseActions];
  return action.kind === "task" ? action : null;
}

function address(taskId: string, report: NewReport): TaskReport {
  return { type: "task-report", reportId: randomUUID(), taskId, ...report };
}

function toReport(outcome: TaskOutcome): NewReport {
  if (outcome.state === "failed")
    return { state: "failed", reason: outcome.reason, detail: outcome.detail.slice(0, 4096) };
  const { exitCode, ...rest } = outcome;
  return exitCode === null ? rest : { ...rest, exitCode };
}

function describeLeftover({ step, process }: TaskRecord, terminated: boolean): string {
  if (terminated) return "the agent ended while the program ran; the program was terminated";
  if (step === "starting" && process === null)
    return "the agent ended while it started the program; whether it ran is unknown";
  return "the agent ended while the program ran; the program had ended when the agent came back";
}
