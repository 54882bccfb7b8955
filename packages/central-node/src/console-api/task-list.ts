import type { ConsoleTask, listFields } from "@cordon/contract/console-api";
import type { RunProcessParameters } from "@cordon/response-actions";
import { sql } from "kysely";
import { describeActor } from "../audit/actor.ts";
import type { Database } from "../database/database.ts";
import { memberOf } from "../database/json-member.ts";
import { type ColumnsOf, type ListRequest, listPage } from "../database/list-query.ts";
import type { HostService } from "../hosts/host-service.ts";
import type { Task } from "../tasks/task-row.ts";
import type { TaskService } from "../tasks/task-service.ts";
import { actorNameSql } from "./actor-name.ts";

export type TaskList = ReturnType<typeof createTaskList>;

/** Tasks as the console shows them, also of hosts that were removed: their name is empty. */
export function createTaskList({
  database,
  hosts,
  tasks,
}: {
  database: Database;
  hosts: Pick<HostService, "list">;
  tasks: Pick<TaskService, "list">;
}) {
  const { kind } = database;
  const columns: ColumnsOf<(typeof listFields)["listTasks"]> = {
    taskId: { kind: "text", sql: sql`t.task_id` },
    sensorId: { kind: "text", sql: sql`t.sensor_id` },
    hostName: { kind: "text", sql: sql`h.host_name`, needs: ["host"] },
    program: { kind: "text", sql: memberOf(kind, sql`t.parameters`, "program") },
    commandLine: { kind: "text", sql: memberOf(kind, sql`t.parameters`, "commandLine") },
    state: { kind: "choice", sql: sql`t.state`, choices: ["waiting", "running", "completed", "failed", "cancelled"] },
    author: { kind: "text", sql: actorNameSql(kind, "t.created_by") },
    createdAt: { kind: "time", sql: sql`t.created_at` },
    startedAt: { kind: "time", sql: sql`t.started_at` },
    finishedAt: { kind: "time", sql: sql`t.finished_at` },
    exitCode: { kind: "number", sql: sql`t.exit_code` },
  };
  const source = {
    from: sql`tasks t`,
    joins: { host: sql`left join hosts h on h.sensor_id = t.sensor_id` },
    where: sql`t.deleted_at is null`,
    key: sql`t.task_id`,
    columns,
    defaultSort: "-createdAt",
  };

  async function present(of: readonly Task[]): Promise<ConsoleTask[]> {
    const found = await hosts.list({ sensorIds: [...new Set(of.map((task) => task.sensorId))] });
    const names = new Map(found.map((host) => [host.sensorId, host.hostName]));
    return of.map((task) => {
      // Checked against the action's schema when it was ordered.
      const { program, commandLine, workingDirectory } = task.parameters as RunProcessParameters;
      const { taskId, sensorId, startNow, state, createdAt, startedAt, finishedAt, exitCode, reason, detail } = task;
      return {
        ...{ taskId, sensorId, hostName: names.get(sensorId) ?? "", program, commandLine, workingDirectory, startNow },
        ...{ state, author: describeActor(task.createdBy), createdAt, startedAt, finishedAt, exitCode, reason, detail },
      };
    });
  }

  return {
    present,
    async list(request: ListRequest) {
      const { keys, ...page } = await listPage(database, source, request);
      const byId = new Map((await tasks.list(keys)).map((task) => [task.taskId, task]));
      return { items: await present(keys.flatMap((taskId) => byId.get(taskId) ?? [])), ...page };
    },
  };
}
