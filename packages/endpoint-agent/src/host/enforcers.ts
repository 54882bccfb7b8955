import {
  type IsolationOptions,
  type linuxEnforcers,
  linuxEnforcers as onLinux,
} from "@cordon/response-actions/enforcers";

/** The enforcers of this agent, by action. One that is absent: the action cannot be done on this system. */
export type Enforcers = { [N in keyof typeof linuxEnforcers]?: ReturnType<(typeof linuxEnforcers)[N]> };

export function createHostEnforcers(
  platform: NodeJS.Platform,
  { isolation = {} }: { isolation?: IsolationOptions } = {},
): Enforcers {
  if (platform !== "linux") return {};
  return { "network-isolation": onLinux["network-isolation"](isolation), "run-process": onLinux["run-process"]() };
}
