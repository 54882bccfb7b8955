import { randomUUID } from "node:crypto";
import type { Task } from "../tasks/task-row.ts";
import type { TaskService } from "../tasks/task-service.ts";
import { inBulk } from "./bulk.ts";
import type { HandlerReply, Handlers } from "./handlers.ts";
import { givenBy } from "./isolation-handlers.ts";
import type { TaskList } from "./task-list.ts";

export type TaskCalls = Pick<TaskService, "create" | "get" | "findOutput" | "start" | "cancel" | "delete">;

export function createTasksHandlers({
  tasks,
  taskList,
}: {
  tasks: TaskCalls;
  taskList: TaskList;
}): Pick<Handlers, "listTasks" | "getTask" | "createTasks" | "startTask" | "cancelTask" | "deleteTask"> {
  async function present(task: Task): Promise<HandlerReply<"startTask">> {
    const [shown] = await taskList.present([task]);
    if (shown === undefined) throw new Error("one task in, none out");
    return shown;
  }

  return {
    listTasks: ({ query }) => taskList.list(query),
    async getTask({ params }) {
      const task = await tasks.get(params.taskId);
      return { ...(await present(task)), ...(await readOutput(tasks, task)) };
    },
    async createTasks({ body, ...call }) {
      const { program, commandLine, workingDirectory, startNow } = body;
      const parameters = { program, commandLine, workingDirectory };
      const created: { taskId: string; sensorId: string }[] = [];
      const outcome = await inBulk(body.sensorIds, async (sensorId) => {
        const taskId = randomUUID();
        await tasks.create({ ...givenBy(call), taskId, sensorId, action: "run-process", parameters, startNow });
        created.push({ taskId, sensorId });
      });
      return { ...outcome, tasks: created };
    },
    startTask: async ({ params, actor }) => present(await tasks.start(actor, params.taskId)),
    cancelTask: async ({ params, actor }) => present(await tasks.cancel(actor, params.taskId)),
    async deleteTask({ params, actor }) {
      await tasks.delete(actor, params.taskId);
      return {};
    },
  };
}

/** What a program printed: all that is kept of it once it has ended, the end of it while it runs. */
export async function readOutput(tasks: Pick<TaskCalls, "findOutput" | "get">, task: Task) {
  const live = task.state === "running" ? await tasks.findOutput(task.taskId) : null;
  if (live === null) {
    // It may have ended between the two looks: what is shown must not be neither.
    const { stdout, stderr, stdoutTruncated, stderrTruncated, state } =
      task.state === "running" ? await tasks.get(task.taskId) : task;
    const printed = { stdout: stdout ?? "", stderr: stderr ?? "", stdoutTruncated, stderrTruncated };
    return { ...printed, outputIsPartial: state === "running" };
  }
  return {
    stdout: live.stdout,
    stderr: live.stderr,
    stdoutTruncated: live.stdout_truncated === 1,
    stderrTruncated: live.stderr_truncated === 1,
    outputIsPartial: true,
  };
}
