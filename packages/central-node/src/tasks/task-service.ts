import {
  agentFailureCodes,
  describeFault,
  findFault,
  Problem,
  type TaskOrder,
  type TaskOutput,
  type TaskReport,
} from "@cordon/contract";
import { responseActions, type TaskAction } from "@cordon/response-actions";
import type { Actor } from "../audit/actor.ts";
import type { AuditLog } from "../audit/audit-log.ts";
import type { Changes } from "../changes/changes.ts";
import type { Database, Tx } from "../database/database.ts";
import type { TaskOutputRow, TaskRow } from "../database/tables.ts";
import type { HostService } from "../hosts/host-service.ts";
import type { Nudges } from "../hosts/nudges.ts";
import type { OrderCounts } from "../metrics/metrics.ts";
import { taskOutputStore } from "./task-output-store.ts";
import { outputRow, reported, type Task, toTask, undelivered } from "./task-row.ts";
import { taskStore } from "./task-store.ts";

export type TaskService = ReturnType<typeof createTaskService>;

/** Why a task failed without the agent's saying so: code → sentence. */
const failures = {
  ...agentFailureCodes,
  EXPIRED: "it was not delivered in time",
  HOST_REMOVED: "the host was removed",
} as const;

export function createTaskService({
  database,
  audit,
  hosts,
  nudges,
  changes,
  now,
  counts,
  checkpoint,
  deliveryDays,
}: {
  database: Database;
  audit: AuditLog;
  hosts: HostService;
  nudges: Pick<Nudges, "nudge">;
  changes: Pick<Changes, "tell">;
  now: () => Date;
  counts: OrderCounts;
  checkpoint: (name: string) => void;
  deliveryDays: number;
}) {
  hosts.whenRemoved(async (tx, sensorId) => {
    for (const task of await taskStore.listUnfinished(tx, sensorId)) await fail(tx, task.task_id, "HOST_REMOVED");
  });

  const iso = () => now().toISOString();
  const deliverUntil = () => new Date(now().getTime() + deliveryDays * 86_400_000).toISOString();

  async function fail(tx: Tx, taskId: string, reason: keyof typeof failures): Promise<void> {
    await taskOutputStore.forget(tx, taskId);
    await taskStore.update(tx, taskId, { state: "failed", finished_at: iso(), reason, detail: failures[reason] });
  }

  function announce({ sensorId, taskId }: Pick<Task, "sensorId" | "taskId">): void {
    nudges.nudge({ target: sensorId, about: "tasks" });
    changes.tell("tasks", taskId);
  }

  async function require(db: Tx | Database["read"], taskId: string): Promise<TaskRow> {
    const row = await taskStore.find(db, taskId);
    if (row === undefined || row.deleted_at !== null)
      throw new Problem("NOT_FOUND", { message: `there is no task ${taskId}` });
    return row;
  }

  /** Never handed out: it ends here and now. Handed out: only the agent can tell, so it is asked to give the task up. */
  async function giveUp(tx: Tx, task: TaskRow, also: Partial<TaskRow>): Promise<void> {
    const at = iso();
    if (task.finished_at !== null) return taskStore.update(tx, task.task_id, { ...also });
    if (task.sent_at === null) {
      return taskStore.update(tx, task.task_id, {
        state: "cancelled",
        finished_at: at,
        cancel_requested_at: at,
        ...also,
      });
    }
    await taskStore.update(tx, task.task_id, { cancel_requested_at: task.cancel_requested_at ?? at, ...also });
  }

  async function change(
    { actor, taskId, verb }: { actor: Actor; taskId: string; verb: "start" | "cancel" | "delete" },
    apply: (tx: Tx, task: TaskRow) => Promise<void>,
  ): Promise<Task> {
    const task = await database.writeInTurn(async (tx) => {
      const before = await require(tx, taskId);
      await apply(tx, before);
      await audit.append(tx, {
        actor,
        action: `${before.action}.${verb}`,
        object: taskId,
        result: "done",
        detail: { sensorId: before.sensor_id },
      });
      const after = await taskStore.find(tx, taskId);
      return toTask(after ?? before);
    });
    checkpoint("order-stored");
    announce(task);
    return task;
  }

  return {
    /** Throws NOT_FOUND for an unknown host, CONFLICT for an ID that was ever used. */
    async create(order: {
      actor: Actor;
      taskId: string;
      sensorId: string;
      action: string;
      parameters: unknown;
      startNow: boolean;
      requestDigest?: string;
    }): Promise<Task> {
      const { actor, taskId, sensorId, action, parameters, startNow, requestDigest } = order;
      refuseFaults(action, parameters);
      const row: TaskRow = {
        task_id: taskId,
        sensor_id: sensorId,
        action,
        parameters: JSON.stringify(parameters),
        start_now: startNow ? 1 : 0,
        state: "waiting",
        created_at: iso(),
        created_by: JSON.stringify(actor),
        expires_at: deliverUntil(),
        ...undelivered,
      };
      await database.writeInTurn(async (tx) => {
        await hosts.require(tx, sensorId);
        if (!(await taskStore.insert(tx, row))) {
          throw new Problem("CONFLICT", {
            message: `task ID ${taskId} is taken: choose another; an ID is never used twice`,
          });
        }
        await audit.append(tx, {
          actor,
          action: `${action}.create`,
          object: taskId,
          result: "done",
          detail: { sensorId, startNow, ...(requestDigest === undefined ? {} : { requestDigest }) },
        });
      });
      counts.ordered(action);
      checkpoint("order-stored");
      announce({ sensorId, taskId });
      return toTask(row);
    },

    async get(taskId: string): Promise<Task> {
      return toTask(await require(database.read, taskId));
    },

    /** Those of the tasks that there are, without what they printed. */
    async list(taskIds: readonly string[]): Promise<Task[]> {
      return (await taskStore.list(database.read, taskIds)).map(toTask);
    },

    /** Starts a task that was stored for later; one that was started already stays as it is. */
    start: (actor: Actor, taskId: string): Promise<Task> =>
      change({ actor, taskId, verb: "start" }, async (tx, task) => {
        if (task.finished_at !== null) {
          throw new Problem("BAD_REQUEST", {
            message: `the task is ${task.state}: it cannot be started; make a new one`,
          });
        }
        if (task.start_now === 0) await taskStore.update(tx, taskId, { start_now: 1, expires_at: deliverUntil() });
      }),

    cancel: (actor: Actor, taskId: string): Promise<Task> =>
      change({ actor, taskId, verb: "cancel" }, (tx, task) => giveUp(tx, task, {})),

    async delete(actor: Actor, taskId: string): Promise<void> {
      await change({ actor, taskId, verb: "delete" }, (tx, task) => giveUp(tx, task, { deleted_at: iso() }));
    },

    /** Whether there may be anything that the host's agent should have, or give up. */
    hasUnfinished: (sensorId: string): Promise<boolean> => taskStore.hasUnfinished(database.read, sensorId),

    /**
     * At most `limit` tasks that the host's agent should have now and that are not in `held` (those that this connection
     * was given). Those handed out for the first time are marked so, durably, before they leave: from then on only the
     * agent knows whether it started them. A task past its time is not handed out.
     */
    async takeForDelivery(sensorId: string, held: string[], limit: number): Promise<Omit<TaskOrder, "type">[]> {
      const query = { leaveOut: held, limit };
      if ((await taskStore.listOpen(database.read, sensorId, query)).length === 0) return [];
      return database.write(async (tx) => {
        const rows = await taskStore.listOpen(tx, sensorId, query);
        const at = iso();
        const due = rows.filter((row) => row.expires_at > at);
        for (const row of due) if (row.sent_at === null) await taskStore.update(tx, row.task_id, { sent_at: at });
        return due.map((row) => ({ taskId: row.task_id, action: row.action, parameters: JSON.parse(row.parameters) }));
      });
    },

    /** IDs of tasks that the host's agent must give up and has not reported on. */
    async listToCancel(sensorId: string): Promise<string[]> {
      return (await taskStore.listToCancel(database.read, sensorId)).map((row) => row.task_id);
    },

    /** Durable once it resolves. The first outcome stands; a host speaks only for its own tasks. Returns the state after it. */
    async recordReport(sensorId: string, report: TaskReport): Promise<TaskRow["state"] | null> {
      const { state, ended } = await database.write(async (tx) => {
        const task = await taskStore.find(tx, report.taskId.toLowerCase());
        if (task === undefined || task.sensor_id !== sensorId) return { state: null, ended: null };
        if (task.finished_at !== null || report.state === "accepted") return { state: task.state, ended: null };
        const columns = reported(task, report, iso());
        await taskStore.update(tx, task.task_id, columns);
        const after = columns.state ?? task.state;
        // What it has printed is with the task itself from now on.
        if (after !== "running") await taskOutputStore.forget(tx, task.task_id);
        return { state: after, ended: after === "running" ? null : task.action };
      });
      if (ended !== null) counts.outcome(ended, report.state);
      if (state !== null) changes.tell("tasks", report.taskId.toLowerCase());
      return state;
    },

    /**
     * The end of what a running program has printed so far. Never an outcome: dropped where the task is not running, or is
     * another host's.
     */
    async recordOutput(sensorId: string, output: TaskOutput): Promise<void> {
      const taskId = output.taskId.toLowerCase();
      const taken = await database.write(async (tx) => {
        const task = await taskStore.find(tx, taskId);
        if (task === undefined || task.sensor_id !== sensorId || task.state !== "running") return false;
        await taskOutputStore.put(tx, outputRow(output, iso()));
        return true;
      });
      if (taken) changes.tell("tasks", taskId);
    },

    /** What a running program has printed so far, or null: nothing is known of it. */
    findOutput: (taskId: string): Promise<TaskOutputRow | null> => taskOutputStore.find(database.read, taskId),

    /** The agent lost its memory of tasks: what it was given may have run, and must not run again. */
    async failInFlight(tx: Tx, sensorId: string): Promise<void> {
      for (const task of await taskStore.listUnfinished(tx, sensorId)) {
        if (task.sent_at !== null) await fail(tx, task.task_id, "JOURNAL_LOST");
      }
    },

    /** Ends what was not delivered in time. Returns how many. */
    async expireOverdue(): Promise<number> {
      const overdue = await database.writeInTurn(async (tx) => {
        const rows = await taskStore.listOverdue(tx, iso());
        for (const task of rows) {
          if (task.sent_at === null) await fail(tx, task.task_id, "EXPIRED");
          else
            await taskStore.update(tx, task.task_id, {
              cancel_requested_at: iso(),
              reason: "EXPIRED",
              detail: failures.EXPIRED,
            });
          await audit.append(tx, {
            actor: { kind: "central-node", id: "sweep", address: null, fingerprint: null },
            action: `${task.action}.expire`,
            object: task.task_id,
            result: "done",
            detail: { sensorId: task.sensor_id },
          });
        }
        return rows;
      });
      for (const task of overdue) announce({ sensorId: task.sensor_id, taskId: task.task_id });
      return overdue.length;
    },

    /** Hosts for which something waits that their agents were not told. */
    listHostsWithUndelivered: (): Promise<string[]> => taskStore.listHostsWithUndelivered(database.read),

    oldestWaiting: (): Promise<string | null> => taskStore.oldestWaiting(database.read),
  };
}

function refuseFaults(action: string, parameters: unknown): void {
  const known = Object.hasOwn(responseActions, action)
    ? responseActions[action as keyof typeof responseActions]
    : undefined;
  if (known?.kind !== "task") throw new Problem("BAD_REQUEST", { message: `there is no task "${action}"` });
  const task: TaskAction = known;
  const fault = findFault(task.parameters, parameters) ?? task.findFault(parameters as never);
  if (fault !== null) throw new Problem("BAD_REQUEST", { message: describeFault(fault), fault });
}
