/** Runs the network isolation's enforcer in the network namespace that it is started in. */
import { linuxEnforcers, releaseIsolation } from "@cordon/response-actions/enforcers";
import { serveCalls } from "./network-isolation-program.ts";

type Options = Parameters<(typeof linuxEnforcers)["network-isolation"]>[0];

const createEnforcer = linuxEnforcers["network-isolation"];
let enforcer = createEnforcer();

const calls = {
  /** A new enforcer, which remembers nothing of the one before, as after a restart of the agent. */
  renew(options: Options) {
    enforcer = createEnforcer(options);
  },
  enforce: (order: Omit<Parameters<typeof enforcer.enforce>[0], "scope">) =>
    enforcer.enforce({ scope: "host", ...order }),
  readBack: (_: null) => enforcer.readBack("host"),
  ability: (_: null) => enforcer.ability(),
  release: (_: null) => releaseIsolation(),
};
export type EnforcerCalls = typeof calls;

serveCalls(calls);
