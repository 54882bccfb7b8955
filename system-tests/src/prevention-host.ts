/**
 * Process 1 of a host for prevention's tests: mount and process namespaces of its own, so that no mark reaches a filesystem
 * of the machine's, and nothing that was started there outlives it.
 */
import { spawn } from "node:child_process";
import { mkdirSync, truncateSync, writeFileSync } from "node:fs";
import { type Program, serveCalls, startProgram } from "./called-program.ts";
import type { AgentCalls } from "./prevention-agent.ts";

export type Ran = { exitCode: number | null; error: string | null; stdout: string; stderr: string; tookMs: number };

/** `error`: the code with which it could not be started, such as EPERM. */
function run({ words, stdin = "" }: { words: string[]; stdin?: string }): Promise<Ran> {
  const [program = "", ...args] = words;
  const since = performance.now();
  const output = { stdout: "", stderr: "" };
  const ended = (exitCode: number | null, error: string | null): Ran => ({
    exitCode,
    error,
    ...output,
    tookMs: performance.now() - since,
  });
  return new Promise((resolve) => {
    try {
      const child = spawn(program, args, { stdio: "pipe" });
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        output.stdout += text;
      });
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        output.stderr += text;
      });
      child.once("error", (error: NodeJS.ErrnoException) => resolve(ended(null, error.code ?? error.message)));
      child.once("close", (exitCode) => resolve(ended(exitCode, null)));
      // One that ends without reading its input breaks the pipe.
      child.stdin.on("error", () => {});
      child.stdin.end(stdin);
    } catch (error) {
      resolve(ended(null, (error as NodeJS.ErrnoException).code ?? String(error)));
    }
  });
}

let agent: Program<AgentCalls> | null = null;

const calls = {
  run,
  /** In place of the one before, which is killed first. */
  async startAgent(_: null) {
    await agent?.kill();
    agent = startProgram<AgentCalls>({ spawn }, "./prevention-agent.ts");
  },
  async killAgent(_: null) {
    await agent?.kill();
    agent = null;
  },
  ask({ name, parameters }: { name: keyof AgentCalls; parameters: never }): Promise<unknown> {
    if (agent === null) throw new Error("there is no agent");
    return agent.ask(name, parameters);
  },
  async mountTmpfs({ at }: { at: string }) {
    mkdirSync(at, { recursive: true });
    const { stderr, exitCode } = await run({ words: ["mount", "-t", "tmpfs", "tmpfs", at] });
    if (exitCode !== 0) throw new Error(stderr);
  },
  /** A filesystem of its own in a file. */
  async mountImage({ at, image, megabytes }: { at: string; image: string; megabytes: number }) {
    mkdirSync(at, { recursive: true });
    writeFileSync(image, "");
    truncateSync(image, megabytes * 1024 * 1024);
    for (const words of [
      ["mkfs.ext4", "-q", "-F", image],
      ["mount", "-o", "loop", image, at],
    ]) {
      const { stderr, exitCode } = await run({ words });
      if (exitCode !== 0) throw new Error(stderr);
    }
  },
  signal({ pid, signal }: { pid: number; signal: NodeJS.Signals }) {
    process.kill(pid, signal);
  },
};
export type HostCalls = typeof calls;

serveCalls(calls);
