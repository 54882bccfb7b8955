import type { Environment } from "@cordon/terminal";

export type Config = {
  /** Where the agent keeps who it is and what it must not forget, unless --state-dir says another place. */
  stateDir: string;
  /** From CORDON_JOIN_TOKEN: keeps the token out of the process list and the shell's history. */
  joinToken: string | null;
  logLevel: string;
  /** What prevention guards: `all`, `none`, or paths of mounted filesystems with a colon between them. */
  guard: string;
  /** While isolated, also stop frames that bypass the IP stack. */
  blockRawFrames: boolean;
};

export function readConfig(environment: Environment): Config {
  return {
    stateDir: environment.CORDON_STATE_DIR || "/var/lib/cordon-agent",
    joinToken: environment.CORDON_JOIN_TOKEN || null,
    logLevel: environment.CORDON_LOG_LEVEL || "info",
    guard: environment.CORDON_GUARD || "all",
    blockRawFrames: environment.CORDON_BLOCK_RAW_FRAMES === "1",
  };
}
