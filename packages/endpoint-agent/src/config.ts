import type { Environment } from "@cordon/terminal";

export type Config = {
  /** Where the agent keeps who it is and what it must not forget, unless --state-dir says another place. */
  stateDir: string;
  /** From CORDON_JOIN_TOKEN: keeps the token out of the process list and the shell's history. */
  joinToken: string | null;
  logLevel: string;
  /** What systemd says to a service that it starts. */
  service: {
    /** Where it wants to be told that the service runs; null: this is no service. */
    notifySocket: string | null;
    /** How long it waits for the next sign of life; null: for ever. */
    watchdogMs: number | null;
    /** What journald reads, as device and inode. */
    journalStream: string | null;
  };
  /** What prevention guards: `all`, `none`, or paths of mounted filesystems with a colon between them. */
  guard: string;
  /** While isolated, also stop frames that bypass the IP stack. */
  blockRawFrames: boolean;
};

/** Meant for this process alone: a program that inherits them could speak to systemd in the agent's name. */
export const serviceVariables = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "JOURNAL_STREAM"] as const;

export function readConfig(environment: Environment, pid: number): Config {
  return {
    stateDir: environment.CORDON_STATE_DIR || "/var/lib/cordon-agent",
    joinToken: environment.CORDON_JOIN_TOKEN || null,
    logLevel: environment.CORDON_LOG_LEVEL || "info",
    service: {
      notifySocket: environment.NOTIFY_SOCKET || null,
      watchdogMs: readWatchdogMs(environment, pid),
      journalStream: environment.JOURNAL_STREAM || null,
    },
    guard: environment.CORDON_GUARD || "all",
    blockRawFrames: environment.CORDON_BLOCK_RAW_FRAMES === "1",
  };
}

function readWatchdogMs({ WATCHDOG_USEC, WATCHDOG_PID }: Environment, pid: number): number | null {
  const microseconds = Number(WATCHDOG_USEC);
  if (!Number.isFinite(microseconds) || microseconds <= 0) return null;
  // Set for another process, and inherited by this one.
  if (WATCHDOG_PID !== undefined && WATCHDOG_PID !== String(pid)) return null;
  return microseconds / 1000;
}
