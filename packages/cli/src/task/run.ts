import { randomUUID } from "node:crypto";
import { type ExitCode, exitCodes, failure } from "@cordon/terminal";
import type { ClientVerb, Scene } from "../client-verb.ts";
import { parseTimeoutFlag } from "../duration.ts";
import { findHost, hostHelp, parseHost } from "../host/find-host.ts";
import type { HostFilter } from "../response-api-client.ts";
import type { Task } from "../wire.ts";
import { quoteWords } from "./quote-words.ts";
import { answerWithProgramOutput, parseTaskId, showTask } from "./show-task.ts";

export type RunOptions = {
  host: HostFilter;
  program: string;
  args: string[];
  workingDirectory: string | null;
  startNow: boolean;
  taskId: string;
  /** Null: do not wait. */
  waitMs: number | null;
};

const firstPollMs = 250;
const longestPollMs = 2000;
const maxProgramCharacters = 4096;
const maxCommandLineCharacters = 8192;

// biome-ignore lint/suspicious/noControlCharactersInRegex: the API takes no control characters
const controlCharacter = /[\u0000-\u001f\u007f]/;

export const taskRunVerb: ClientVerb<RunOptions> = {
  words: "run <host> <program> [args...]",
  summary: "run a program on a host",
  description: [
    `${hostHelp} PROGRAM is run without a shell: for pipes or variables, run sh -c.`,
    "Put -- before PROGRAM, so that its flags are not taken for cordon's.",
    "",
    "With --wait, prints what the program printed and exits with 0 if it ended with 0, otherwise with 1.",
    "Ending the wait does not end the task: cordon task cancel ID does.",
  ].join("\n"),
  examples: [
    ["cordon task run host4 --wait -- uptime -p"],
    ["cordon task run 10.0.0.7 --wait --cwd /var/log -- sh -c 'tail -n 5 syslog | grep -i error'"],
    ["cordon task run host4 --later -- /usr/local/bin/collect", "start it later: cordon task start ID"],
  ],
  flags: (command) =>
    command
      .option("--wait", "wait until it ends, show its output, take over success or failure")
      .option("--timeout <duration>", "with --wait: how long to wait", "1h")
      .option("--cwd <directory>", "where to run it")
      .option("--later", "store it without starting it")
      .option("--id <uuid>", "the task's ID; by default a new one is made"),
  parse: ([host, program, args], flags) =>
    // Commander gives a variadic argument as a list.
    parseRun(String(host), String(program), args as string[], flags),
  act: run,
};

function parseRun(host: string, program: string, args: string[], flags: Record<string, unknown>): RunOptions {
  const { wait, later, cwd, id } = flags;
  if (wait === true && later === true) {
    throw failure("USAGE", "--wait does not go with --later: a stored task ends only after somebody starts it");
  }
  const workingDirectory = typeof cwd === "string" ? cwd : null;
  for (const word of [program, ...args, workingDirectory ?? ""]) {
    if (controlCharacter.test(word)) {
      throw failure("USAGE", "program, arguments and directory must not hold line breaks or other control characters");
    }
  }
  if (program === "" || program.length > maxProgramCharacters) {
    throw failure("USAGE", `the program must be 1 to ${maxProgramCharacters} characters`);
  }
  return {
    host: parseHost(host),
    program,
    args,
    workingDirectory,
    startNow: later !== true,
    taskId: typeof id === "string" ? parseTaskId(id) : randomUUID(),
    waitMs: wait === true ? parseTimeoutFlag(flags.timeout) : null,
  };
}

async function run(options: RunOptions, scene: Scene): Promise<ExitCode> {
  const { client, output } = scene;
  const { program, args, workingDirectory, startNow, taskId, waitMs } = options;
  const host = await findHost(client, options.host);
  const commandLine = args.length === 0 ? null : quoteWords(args, host.osFamily);
  if (commandLine !== null && commandLine.length > maxCommandLineCharacters) {
    throw failure(
      "USAGE",
      `the arguments must be at most ${maxCommandLineCharacters} characters together, quotes included`,
    );
  }
  const { sensorId } = host;
  const ordered = await client.runProcess({ taskId, sensorId, program, commandLine, workingDirectory, startNow });
  if (waitMs === null) {
    output.answer({ ...ordered, sensorId }, () => showTask({ ...ordered, sensorId }));
    return exitCodes.done;
  }
  const task = await waitUntilEnded(taskId, waitMs, scene);
  answerWithProgramOutput(task, output);
  return judge(task, scene);
}

async function waitUntilEnded(taskId: string, waitMs: number, { client, output, clock }: Scene): Promise<Task> {
  const deadlineMs = clock.nowMs() + waitMs;
  const progress = output.progress(`task ${taskId}: waiting`);
  try {
    for (let pollMs = firstPollMs; ; pollMs = Math.min(pollMs * 1.5, longestPollMs)) {
      const { state } = await client.getTask(taskId, { whole: false });
      if (hasEnded(state)) return await client.getTask(taskId, { whole: true });
      progress.update(`task ${taskId}: ${state}`);
      if (clock.nowMs() >= deadlineMs) {
        throw failure("TIMED_OUT", `task ${taskId} has not ended within ${waitMs / 1000} s; it goes on`, {
          advice: `Look: cordon task get ${taskId}\nEnd it: cordon task cancel ${taskId}`,
        });
      }
      await clock.delay(pollMs);
    }
  } finally {
    progress.end();
  }
}

function hasEnded(state: string): boolean {
  return state === "completed" || state === "failed" || state === "cancelled";
}

function judge({ taskId, state, exitCode, error }: Task, { output }: Scene): ExitCode {
  if (state !== "completed") {
    output.note(`task ${taskId} ${state}: ${error ?? "no reason given"}`);
    return exitCodes.failed;
  }
  if (exitCode === undefined) {
    output.note(`task ${taskId} completed; this server does not tell the program's exit code and output`);
    return exitCodes.done;
  }
  if (exitCode === 0) return exitCodes.done;
  // Null: a signal ended the program, and `error` says which.
  output.note(
    exitCode === null ? `the program was ended: ${error ?? "no reason given"}` : `the program exited with ${exitCode}`,
  );
  return exitCodes.failed;
}
