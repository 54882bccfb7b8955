import { failure, keyValues, type Output, printableLines } from "@cordon/terminal";
import type { Task } from "../wire.ts";

const taskIdForm = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export function parseTaskId(text: string): string {
  if (!taskIdForm.test(text)) throw failure("USAGE", `a task ID is a UUID, not "${text}"`);
  return text.toLowerCase();
}

/** A task as lines, its program's output below. */
export function showTask(task: Task): string {
  const facts = keyValues([
    ["task", task.taskId],
    ["state", task.state],
    ["host", task.sensorId ?? undefined],
    ["program", task.program],
    ["arguments", task.commandLine ?? undefined],
    ["directory", task.workingDirectory ?? undefined],
    ["created", task.createdAt ?? undefined],
    ["started", task.startedAt ?? undefined],
    ["finished", task.finishedAt ?? undefined],
    ["exit code", task.exitCode ?? undefined],
    ["error", task.error ?? undefined],
  ]);
  return [
    facts,
    ...section(`stdout${task.stdoutTruncated === true ? " (cut off)" : ""}`, task.stdout),
    ...section(`stderr${task.stderrTruncated === true ? " (cut off)" : ""}`, task.stderr),
  ].join("\n");
}

/** As if the program had run here: its stdout and stderr on ours. */
export function answerWithProgramOutput(task: Task, output: Output): void {
  output.answer(task, () => printableLines(task.stdout ?? ""));
  const stderr = printableLines(task.stderr ?? "");
  if (!output.json && stderr !== "") {
    output.terminal.stderr.write(stderr.endsWith("\n") ? stderr : `${stderr}\n`);
  }
  if (task.stdoutTruncated === true) output.note("The program's stdout was cut off by the host.");
  if (task.stderrTruncated === true) output.note("The program's stderr was cut off by the host.");
}

function section(title: string, content: string | null | undefined): string[] {
  return content ? ["", `${title}:`, printableLines(content).replace(/\n$/, "")] : [];
}
