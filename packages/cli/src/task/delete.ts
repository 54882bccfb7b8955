import { exitCodes } from "@cordon/terminal";
import type { ClientVerb } from "../client-verb.ts";
import { parseTaskId } from "./show-task.ts";

export const taskDeleteVerb: ClientVerb<{ taskId: string }> = {
  words: "delete <id>",
  summary: "end a task and forget it",
  description: "A waiting task is never run; a running program is terminated first. Its ID stays taken.",
  examples: [["cordon task delete 1c5a0d9c-6c9c-4b8e-9a3b-0c3f3c9d2f11"]],
  parse: ([id]) => ({ taskId: parseTaskId(String(id)) }),
  async act({ taskId }, { client, output }) {
    await client.deleteTask(taskId);
    output.answer({ deleted: taskId }, () => `Deleted task ${taskId}.\n`);
    return exitCodes.done;
  },
};
