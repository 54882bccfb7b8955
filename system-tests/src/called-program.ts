/** Calls a small program, on this machine or inside a namespace: one JSON line asked, one answered. */
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { NetworkNode } from "./namespaces.ts";

export type Program<Calls extends Record<string, Call>> = {
  /** Makes one call of the program; rejects with the program's own error, or when it ended. */
  ask<Name extends keyof Calls>(
    name: Name,
    parameters: Parameters<Calls[Name]>[0],
  ): Promise<Awaited<ReturnType<Calls[Name]>>>;
  /** Such as SIGSTOP, and SIGCONT to let it go on. */
  signal(name: NodeJS.Signals): void;
  /** kill -9, and waits until it is gone. */
  kill(): Promise<void>;
};
// biome-ignore lint/suspicious/noExplicitAny: each call has parameters of its own
type Call = (parameters: any) => unknown;

type Reply = { id: number; result?: unknown; error?: string };

/** `command`: what stands before the program's path, such as a wrapper that drops rights; `words`: what after it. */
export function startProgram<Calls extends Record<string, Call>>(
  node: Pick<NetworkNode, "spawn">,
  file: string,
  command: readonly string[] = [],
  words: string[] = [],
): Program<Calls> {
  const [program = process.execPath, ...args] = [...command, process.execPath];
  const path = fileURLToPath(new URL(file, import.meta.url));
  const child = node.spawn(program, [...args, path, ...words], { stdio: ["pipe", "pipe", "inherit"] });
  const waiting = new Map<number, (reply: Reply) => void>();
  let ended = false;
  const exited = once(child, "exit").then(() => {
    ended = true;
    for (const [id, answer] of waiting) answer({ id, error: `${file} ended` });
  });
  if (child.stdin === null || child.stdout === null) throw new Error("the program has no pipes");
  const { stdin, stdout } = child;
  // Writing to a program that was killed breaks the pipe; the call is answered by its exit.
  stdin.on("error", () => {});
  createInterface({ input: stdout }).on("line", (line) => {
    const reply = JSON.parse(line) as Reply;
    waiting.get(reply.id)?.(reply);
    waiting.delete(reply.id);
  });
  let asked = 0;
  return {
    ask(name, parameters) {
      asked += 1;
      const id = asked;
      return new Promise((resolve, reject) => {
        if (ended) return reject(new Error(`${file} ended`));
        waiting.set(id, (reply) => {
          if (reply.error !== undefined) reject(new Error(reply.error));
          // The program answers with what the call of that name returned.
          else resolve(reply.result as never);
        });
        stdin.write(`${JSON.stringify({ id, name, parameters })}\n`);
      });
    },
    signal: (name) => void child.kill(name),
    async kill() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}

/** The program's side: answers calls from standard input until it ends. */
export function serveCalls(calls: Record<string, Call>): void {
  createInterface({ input: process.stdin })
    .on("line", async (line) => {
      const { id, name, parameters } = JSON.parse(line) as { id: number; name: string; parameters: unknown };
      const reply: Reply = { id };
      try {
        const handler = calls[name];
        if (handler === undefined) throw new Error(`no such call: ${name}`);
        reply.result = await handler(parameters);
      } catch (error) {
        reply.error = error instanceof Error ? error.message : String(error);
      }
      process.stdout.write(`${JSON.stringify(reply)}\n`);
    })
    .on("close", () => process.exit(0));
}
