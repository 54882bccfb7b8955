import { exitCodes } from "@cordon/terminal";
import type { ClientVerb } from "../client-verb.ts";
import { parseTaskId, showTask } from "./show-task.ts";

export const taskStartVerb: ClientVerb<{ taskId: string }> = {
  words: "start <id>",
  summary: "start a task that was stored with --later",
  examples: [["cordon task start 1c5a0d9c-6c9c-4b8e-9a3b-0c3f3c9d2f11"]],
  parse: ([id]) => ({ taskId: parseTaskId(String(id)) }),
  async act({ taskId }, { client, output }) {
    const task = await client.changeTask(taskId, "start");
    output.answer(task, () => showTask(task));
    return exitCodes.done;
  },
};
