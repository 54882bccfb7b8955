/** One guard process, as the supervisor sees it. */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { entryPath } from "./enforce-entries.ts";
import { createFrameReader, encodeFrame } from "./enforce-frames.ts";
import type { FromGuard, GuardState, ToGuard } from "./enforce-guard-messages.ts";

export type GuardProcess = ReturnType<typeof startGuardProcess>;

const tickMs = 250;
/** Ticks without a word from the guard: it hangs. Counted, so that a machine that slept does not make it look so. */
const patienceTicks = 4;

/**
 * Starts a guard, which then waits to be told what to do. `onGone` is called once, when it has ended for whatever reason,
 * with what is known of that.
 */
export function startGuardProcess({
  groupFd,
  nullFd,
  spoolFd,
  directory,
  onReady,
  onGone,
  onMessage,
}: {
  groupFd: number;
  /** /dev/null. Opened before anything is asked about, for this thread must never wait for an answer. */
  nullFd: number;
  spoolFd: number;
  directory: string;
  onReady(): void;
  onGone(why: string): void;
  onMessage(message: Exclude<FromGuard, { type: "ready" | "alive" | "state" }>): void;
}) {
  const flags = ["--max-semi-space-size=1", "--max-old-space-size=64", "--single-threaded-gc", "--v8-pool-size=0"];
  let why = "";
  let isGone = false;
  let isReady = false;
  let silentTicks = 0;
  let nextId = 1;
  const asked = new Map<number, { resolve(state: GuardState): void; reject(error: Error): void }>();

  // The program that runs now, whatever stands at its path by now. It is not asked about: see ignoreRuntime.
  const child: ChildProcess = spawn("/proc/self/exe", [...flags, "--no-warnings", entryPath("guard-main")], {
    cwd: "/",
    env: { NODE_COMPILE_CACHE: join(directory, "compile-cache") },
    // It outlives the agent.
    detached: true,
    stdio: [nullFd, nullFd, nullFd, groupFd, "pipe", spoolFd],
  });
  const socket = child.stdio[4] as Duplex;
  const ticks = setInterval(() => {
    // To load takes as long as the machine is busy.
    if (isReady) silentTicks += 1;
    // After what waits to be read.
    if (silentTicks > patienceTicks)
      setImmediate(() => silentTicks > patienceTicks && end("it did not answer any more"));
  }, tickMs);

  const reader = createFrameReader<FromGuard>(({ message }) => {
    silentTicks = 0;
    switch (message.type) {
      case "alive":
        return;
      case "ready":
        isReady = true;
        return onReady();
      case "state":
        asked.get(message.id)?.resolve(message.state);
        asked.delete(message.id);
        return;
      case "fault":
        why = message.detail;
        return;
      default:
        return onMessage(message);
    }
  });
  socket.on("data", (part: Buffer) => reader.push(part));
  // Its exit tells.
  socket.on("error", () => {});
  child.once("error", (error) => gone(error.message));
  child.once("exit", (code, signal) => gone(signal === null ? `it ended with ${code}` : `it was ended by ${signal}`));

  function gone(how: string) {
    if (isGone) return;
    isGone = true;
    clearInterval(ticks);
    socket.destroy();
    const known = why === "" ? how : why;
    for (const { reject } of asked.values()) reject(new Error(`the guard is gone: ${known}`));
    asked.clear();
    onGone(known);
  }

  function end(reason: string) {
    why = why === "" ? reason : why;
    child.kill("SIGKILL");
  }

  function send(message: ToGuard, bytes?: Buffer) {
    if (!isGone) socket.write(encodeFrame(message, bytes));
  }

  return {
    pid: child.pid ?? 0,
    send,
    /** Sends a question; resolves with the guard's state, rejects when it ends before it answered. */
    ask(question: { type: "state" } | { type: "rules"; lengths: number[]; scripts: boolean }, bytes?: Buffer) {
      const id = nextId;
      nextId += 1;
      return new Promise<GuardState>((resolve, reject) => {
        if (isGone) return reject(new Error("the guard is gone"));
        asked.set(id, { resolve, reject });
        send({ ...question, id }, bytes);
      });
    },
    end,
    /** Leaves it running by itself. */
    abandon() {
      isGone = true;
      clearInterval(ticks);
      child.unref();
      socket.end();
      socket.destroy();
    },
  };
}
