import type { PreventionWish } from "@cordon/response-actions";
import {
  type IsolationOptions,
  type linuxEnforcers,
  linuxEnforcers as onLinux,
  type SettingEnforcer,
} from "@cordon/response-actions/enforcers";

/** The enforcers of this agent, by action. One that is absent: the action cannot be done on this system. */
export type Enforcers = { [N in keyof typeof linuxEnforcers]?: ReturnType<(typeof linuxEnforcers)[N]> } & {
  prevention?: SettingEnforcer<PreventionWish, string>;
};

export function createHostEnforcers(
  platform: NodeJS.Platform,
  { isolation = {} }: { isolation?: IsolationOptions } = {},
): Enforcers {
  if (platform !== "linux") return {};
  return { "network-isolation": onLinux["network-isolation"](isolation), "run-process": onLinux["run-process"]() };
}
