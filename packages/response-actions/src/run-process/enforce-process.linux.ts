/** Processes and their groups as /proc shows them. */
import { readFileSync, writeFileSync } from "node:fs";
import type { ProcessIdentity } from "../kit/enforcer.ts";

export function readBootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
}

/** Who `pid` is now, or null when there is no such process. A zombie that nobody has reaped yet still counts. */
export function identify(pid: number, bootId: string): ProcessIdentity | null {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    // Gone: ESRCH or ENOENT, whichever moment the read met.
    return null;
  }
  // The program's name is in parentheses and may itself hold blanks and parentheses. Start time is field 22 (proc(5)),
  // the 20th after the name.
  const startTicks = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  return startTicks === undefined ? null : { pid, startTicks, bootId };
}

/** As a service the agent is among the last to be killed when memory runs out; what it starts must not inherit that. */
export function dropOutOfMemoryProtection(pid: number): void {
  if (Number(readFileSync("/proc/self/oom_score_adj", "utf8")) >= 0) return;
  try {
    writeFileSync(`/proc/${pid}/oom_score_adj`, "0");
  } catch (error) {
    // It has ended already.
    if (!["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  }
}

/** Reports whether the group was there to be signalled. Signal 0 only asks. */
export function signalGroup(groupId: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-groupId, signal);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
    throw error;
  }
}

/**
 * SIGTERM to a group, SIGKILL to what is left of it after `graceMs`; resolves once the group is empty or was killed.
 * The group's number cannot come to mean another group in between: it stays taken while one member lives.
 */
export async function terminateGroup(groupId: number, graceMs: number): Promise<void> {
  if (!signalGroup(groupId, "SIGTERM")) return;
  const deadline = performance.now() + graceMs;
  while (performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, Math.min(50, graceMs)));
    if (!signalGroup(groupId, 0)) return;
  }
  signalGroup(groupId, "SIGKILL");
}
