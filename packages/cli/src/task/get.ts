import { exitCodes } from "@cordon/terminal";
import type { ClientVerb } from "../client-verb.ts";
import { parseTaskId, showTask } from "./show-task.ts";

export const taskGetVerb: ClientVerb<{ taskId: string }> = {
  words: "get <id>",
  summary: "show a task, and what its program printed",
  examples: [["cordon task get 1c5a0d9c-6c9c-4b8e-9a3b-0c3f3c9d2f11"]],
  parse: ([id]) => ({ taskId: parseTaskId(String(id)) }),
  async act({ taskId }, { client, output }) {
    const task = await client.getTask(taskId, { whole: true });
    output.answer(task, () => showTask(task));
    return exitCodes.done;
  },
};
