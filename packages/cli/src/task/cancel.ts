import { exitCodes } from "@cordon/terminal";
import type { ClientVerb } from "../client-verb.ts";
import { parseTaskId, showTask } from "./show-task.ts";

export const taskCancelVerb: ClientVerb<{ taskId: string }> = {
  words: "cancel <id>",
  summary: "end a task; it stays readable",
  description:
    "A waiting task is never run; a running program and its children are terminated. The state is cancelled\nonce nothing of it can run any more.",
  examples: [["cordon task cancel 1c5a0d9c-6c9c-4b8e-9a3b-0c3f3c9d2f11"]],
  parse: ([id]) => ({ taskId: parseTaskId(String(id)) }),
  async act({ taskId }, { client, output }) {
    const task = await client.changeTask(taskId, "cancel");
    output.answer(task, () => showTask(task));
    return exitCodes.done;
  },
};
