/** What the kernel says that a process cost, and how many hosts one process may hold at once. */
import { readFileSync } from "node:fs";

/** Of /proc/PID/stat: USER_HZ, which Linux keeps at 100 towards programs. */
const msPerTick = 10;
/** Files of a Central Node beside its agents' sockets: ports, database, requests. */
const otherFiles = 100;

/** Of all threads of the process since its start. */
export function cpuMsOf(pid: number): number {
  // The program's name, in brackets, may hold anything; utime and stime are the 14th and 15th field.
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * msPerTick;
}

export function residentBytesOf(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Number(kilobytes) * 1024;
}

/** `wanted`, or as many as one process may have files for. Node raises its own soft limit to the hard one. */
export function hostsThatFit(wanted: number): number {
  const [, limit = "unlimited"] =
    /^Max open files\s+\S+\s+(\S+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
  const most = limit === "unlimited" ? wanted : Number(limit) - otherFiles;
  if (wanted <= most) return wanted;
  console.error(
    `a process may open ${limit} files: ${most} hosts instead of ${wanted}. For all of them raise the hard limit (ulimit -Hn ${wanted + otherFiles}) where that is allowed.`,
  );
  return most;
}
