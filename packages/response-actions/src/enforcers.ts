/** The second of the two tables that a new action is added to: who makes it true. Only the agent imports this file. */
import { createNetworkIsolationEnforcer } from "./network-isolation/enforce.linux.ts";
import { createPreventionEnforcer } from "./prevention/enforce.linux.ts";
import { createRunProcessEnforcer } from "./run-process/enforce.linux.ts";

export type * from "./kit/enforcer.ts";
export { openUnixDatagrams } from "./kit/unix-datagram.ts";
export type { IsolationOptions } from "./network-isolation/enforce.linux.ts";
export { releaseIsolation } from "./network-isolation/enforce-release.linux.ts";
export type { Block } from "./prevention/block.ts";
export { createPreventionEnforcer, type PreventionOptions } from "./prevention/enforce.linux.ts";

export const linuxEnforcers = {
  "network-isolation": createNetworkIsolationEnforcer,
  prevention: createPreventionEnforcer,
  "run-process": createRunProcessEnforcer,
} as const;
