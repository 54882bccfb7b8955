import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { userInfo } from "node:os";
import type { Readable } from "node:stream";
import type { TaskEnforcer, TaskOutcome } from "../kit/enforcer.ts";
import { keepHead, watchOutput } from "./enforce-output.ts";
import {
  dropOutOfMemoryProtection,
  identify,
  readBootId,
  signalGroup,
  terminateGroup,
} from "./enforce-process.linux.ts";
import { splitWords } from "./enforce-words.ts";
import type { RunProcessFailure, RunProcessParameters } from "./run-process.ts";

type Outcome = TaskOutcome<RunProcessFailure>;

/**
 * Runs programs on Linux: no shell, own session and process group, clean environment, nothing on standard input.
 * `maxOutputBytes` is for each of stdout and stderr; the head is kept.
 */
export function createRunProcessEnforcer({
  maxOutputBytes = 1024 * 1024,
  longestRunMs = 24 * 60 * 60 * 1000,
  terminateGraceMs = 5000,
  outputGraceMs = 1000,
  liveOutputEveryMs = 1000,
}: {
  maxOutputBytes?: number;
  longestRunMs?: number;
  /** Between SIGTERM and SIGKILL. */
  terminateGraceMs?: number;
  /** How long output is still read after the program's exit, while a grandchild holds its pipes open. */
  outputGraceMs?: number;
  /** Between two looks at what the program has printed so far. */
  liveOutputEveryMs?: number;
} = {}): TaskEnforcer<RunProcessParameters, RunProcessFailure> {
  const bootId = readBootId();

  return {
    async ability() {
      return { able: true };
    },

    async run({ parameters, signal, onStarted, onOutput }) {
      const argv = parameters.commandLine === null ? [] : splitWords(parameters.commandLine);
      if (argv === null) return failed("ARGUMENTS", "a quote is not closed, or the line ends in a backslash");
      const workingDirectory = parameters.workingDirectory || "/";
      const directoryFault = await findDirectoryFault(workingDirectory);
      if (directoryFault !== null) return failed("WORKING_DIRECTORY", directoryFault);
      if (signal.aborted) return { state: "cancelled", exitCode: null, ...noOutput, detail: "it was not started" };

      let child: ChildProcess & { stdout: Readable; stderr: Readable };
      try {
        child = spawn(parameters.program, argv, {
          cwd: workingDirectory,
          env: cleanEnvironment(),
          // A session and group of its own, so that one signal reaches all that the program starts.
          detached: true,
          stdio: ["ignore", "pipe", "pipe"],
        });
      } catch (error) {
        return mapStartError(error as NodeJS.ErrnoException);
      }
      const stdout = keepHead(child.stdout, maxOutputBytes);
      const stderr = keepHead(child.stderr, maxOutputBytes);
      const live = onOutput === undefined ? null : watchOutput(child, onOutput);
      const ended = untilEnded(child, outputGraceMs);

      const groupId = child.pid;
      // Read in the same turn as spawn: the exit of even the shortest program is reaped in a later one.
      const identity = groupId === undefined ? null : identify(groupId, bootId);
      if (groupId === undefined || identity === null) {
        const end = await ended;
        return mapStartError("error" in end ? end.error : new Error("the process was gone at once"));
      }
      dropOutOfMemoryProtection(groupId);

      let stopped: "cancelled" | "too-long" | null = null;
      let terminated: Promise<void> | null = null;
      const stop = (why: "cancelled" | "too-long") => {
        stopped ??= why;
        terminated ??= terminateGroup(groupId, terminateGraceMs);
      };
      const cancel = () => stop("cancelled");
      signal.addEventListener("abort", cancel, { once: true });
      const timer = setTimeout(() => stop("too-long"), longestRunMs);
      timer.unref();

      const liveTimer = live === null ? null : setInterval(live.look, liveOutputEveryMs);
      liveTimer?.unref();

      try {
        onStarted(identity);
        const end = await ended;
        if ("error" in end) return mapStartError(end.error);
        await terminated;
        const out = stdout();
        const err = stderr();
        const detail = describeEnd(stopped, end.signal, longestRunMs);
        return {
          state: stopped === "cancelled" ? "cancelled" : "completed",
          exitCode: end.exitCode,
          stdout: out.text,
          stderr: err.text,
          stdoutTruncated: out.truncated,
          stderrTruncated: err.truncated,
          ...(detail === null ? {} : { detail }),
        };
      } catch (error) {
        // onStarted threw: the caller could not write down that it runs, so it must not run.
        signalGroup(groupId, "SIGKILL");
        await ended;
        throw error;
      } finally {
        clearTimeout(timer);
        if (liveTimer !== null) clearInterval(liveTimer);
        signal.removeEventListener("abort", cancel);
      }
    },

    async terminateLeftover(left) {
      // After a reboot nothing is left, and the number means another process.
      if (left.bootId !== bootId) return false;
      if (identify(left.pid, bootId)?.startTicks !== left.startTicks) return false;
      await terminateGroup(left.pid, terminateGraceMs);
      return true;
    },
  };
}

const noOutput = { stdout: "", stderr: "", stdoutTruncated: false, stderrTruncated: false };

function failed(reason: RunProcessFailure, detail: string): Outcome {
  return { state: "failed", reason, detail };
}

async function findDirectoryFault(path: string): Promise<string | null> {
  try {
    if (!(await stat(path)).isDirectory()) return `${path} is not a directory`;
    await access(path, constants.X_OK);
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Nothing of the agent's own environment reaches a program: it may hold secrets, and would differ by how the agent was started. */
function cleanEnvironment(): Record<string, string> {
  return {
    PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    LANG: "C.UTF-8",
    HOME: userInfo().homedir,
  };
}

function mapStartError(error: NodeJS.ErrnoException): Outcome {
  switch (error.code) {
    case "ENOENT":
    case "ENOTDIR":
      return failed("PROGRAM_NOT_FOUND", error.message);
    case "EACCES":
    case "EPERM":
      return failed("NOT_PERMITTED", error.message);
    default:
      return failed("START_FAILED", error.message);
  }
}

type End = { exitCode: number | null; signal: NodeJS.Signals | null } | { error: NodeJS.ErrnoException };

function untilEnded(child: ChildProcess & { stdout: Readable; stderr: Readable }, outputGraceMs: number): Promise<End> {
  return new Promise((resolve) => {
    child.once("error", (error) => resolve({ error }));
    child.once("exit", (exitCode, signal) => {
      const finish = () => {
        clearTimeout(timer);
        child.stdout.destroy();
        child.stderr.destroy();
        resolve({ exitCode, signal });
      };
      // `close` waits for the pipes, which a grandchild can hold open for ever.
      const timer = setTimeout(finish, outputGraceMs);
      child.once("close", finish);
    });
  });
}

function describeEnd(
  stopped: "cancelled" | "too-long" | null,
  signal: NodeJS.Signals | null,
  longestRunMs: number,
): string | null {
  if (stopped === "too-long") return `stopped after its longest time, ${longestRunMs / 1000} s`;
  if (signal !== null) return `ended by ${signal}`;
  return null;
}
