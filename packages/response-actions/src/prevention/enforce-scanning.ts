/** Starts a scan when rules arrive, one at a time, and passes on what it finds. */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import type { Rules } from "./enforce-decisions.ts";
import { packDenySet, type Scope } from "./enforce-deny-set.ts";
import { entryPath } from "./enforce-entries.ts";
import { createFrameReader, encodeFrame } from "./enforce-frames.ts";
import { fanotify, here, kernel } from "./enforce-kernel.ts";
import type { Guarded } from "./enforce-mounts.ts";
import type { FromScan, ToScan } from "./enforce-scan-messages.ts";
import type { Sighting } from "./enforce-sightings.ts";
import type { Supervisor } from "./enforce-supervisor.ts";

export type ScanEvent = { state: "running" | "done"; filesSeen: number; filesFound: number };
type Order = { rules: Rules; killScopes: Scope[] };

/** Orders for host and all often come together: one scan is enough for both. */
const waitMs = 200;

export function createScanning({
  directory,
  guarded,
  agentPid,
  supervisor,
  onScan,
  onSighting,
  onAlarm,
}: {
  directory: string;
  guarded: Guarded;
  agentPid: number;
  supervisor: Supervisor;
  onScan(event: ScanEvent): void;
  onSighting(sighting: Sighting): void;
  onAlarm(code: string, detail: string): void;
}) {
  let running: ChildProcess | null = null;
  let next: Order | null = null;
  let timer: NodeJS.Timeout | null = null;

  function begin() {
    timer = null;
    const groupFd = supervisor.group();
    if (running !== null || next === null || groupFd === null) return;
    const { rules, killScopes } = next;
    next = null;
    const flags = ["--max-semi-space-size=1", "--max-old-space-size=256", "--no-warnings"];
    const child = spawn("/proc/self/exe", [...flags, entryPath("scan-main")], {
      cwd: "/",
      env: { NODE_COMPILE_CACHE: join(directory, "compile-cache") },
      stdio: [supervisor.nullFd, supervisor.nullFd, supervisor.nullFd, "pipe"],
    });
    running = child;
    const pid = child.pid ?? 0;
    // It must be able to read what is banned.
    supervisor.trust(pid);
    onScan({ state: "running", filesSeen: 0, filesFound: 0 });

    let isDone = false;
    const reader = createFrameReader<FromScan>(({ message }) => {
      switch (message.type) {
        case "sighting":
          return onSighting(message.sighting);
        case "found":
          // An interpreter cannot open it from now on. The guard looks at the content itself, whatever the path leads to.
          kernel.fanotifyMark(groupFd, fanotify.add, fanotify.openPermission, here, message.path);
          return;
        case "progress":
          return onScan({ state: "running", filesSeen: message.filesSeen, filesFound: message.filesFound });
        case "done":
          isDone = true;
          if (message.leftOut !== null) onAlarm("SCAN_INCOMPLETE", message.leftOut);
          onScan({ state: "done", filesSeen: message.filesSeen, filesFound: message.filesFound });
          return;
      }
    });
    const socket = child.stdio[3] as Duplex;
    socket.on("data", (part: Buffer) => reader.push(part));
    socket.on("error", () => {});
    const { lengths, bytes } = packDenySet(rules.set);
    const indexPath = join(directory, "scan-index");
    const sparedPids = [agentPid, pid, ...supervisor.pids()];
    const order: ToScan = { lengths, guarded, killScopes, sparedPids, indexPath };
    socket.write(encodeFrame(order, bytes));

    const ended = (how: string) => {
      if (running !== child) return;
      running = null;
      supervisor.distrust(pid);
      if (!isDone) onAlarm("SCAN_INCOMPLETE", `the scan ended: ${how}`);
      if (next !== null) begin();
    };
    child.once("error", (error) => ended(error.message));
    // After all that it said was read.
    child.once("close", (code, signal) => ended(`${code ?? signal}`));
  }

  return {
    start(order: Order) {
      next = order;
      if (running === null) timer ??= setTimeout(begin, waitMs);
    },
    /** What runs is of no use any more. */
    stop() {
      next = null;
      if (timer !== null) clearTimeout(timer);
      timer = null;
      const child = running;
      running = null;
      if (child === null) return;
      supervisor.distrust(child.pid ?? 0);
      child.kill("SIGKILL");
    },
  };
}
