import type { PreventionWish } from "@cordon/response-actions";
import {
  type IsolationOptions,
  type linuxEnforcers,
  linuxEnforcers as onLinux,
  type PreventionOptions,
  type SettingEnforcer,
} from "@cordon/response-actions/enforcers";

/** The enforcers of this agent, by action. One that is absent: the action cannot be done on this system. */
export type Enforcers = {
  [N in Exclude<keyof typeof linuxEnforcers, "prevention">]?: ReturnType<(typeof linuxEnforcers)[N]>;
} & {
  prevention?: SettingEnforcer<PreventionWish, string>;
};

/** What prevention guards: every filesystem, those mounted at some paths, or none, and then it cannot be ordered. */
export type Guard = "none" | PreventionOptions["guard"];

/** `prevention`: null leaves it out. */
export function createHostEnforcers(
  platform: NodeJS.Platform,
  { isolation = {}, prevention = null }: { isolation?: IsolationOptions; prevention?: PreventionOptions | null } = {},
): Enforcers {
  if (platform !== "linux") return {};
  return {
    "network-isolation": onLinux["network-isolation"](isolation),
    "run-process": onLinux["run-process"](),
    ...(prevention === null ? {} : { prevention: onLinux.prevention(prevention) }),
  };
}
