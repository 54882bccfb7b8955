/** Runs the network isolation's enforcer in the network namespace that it is started in. */
import { linuxEnforcers, type Reachability, releaseIsolation } from "@cordon/response-actions/enforcers";
import { serveCalls } from "./called-program.ts";

type Options = Parameters<(typeof linuxEnforcers)["network-isolation"]>[0];

const createEnforcer = linuxEnforcers["network-isolation"];
let enforcer = createEnforcer();
let centralNodeIs: Reachability | "awaited" = "reached";
const proveReachable = (): Promise<Reachability> =>
  centralNodeIs === "awaited" ? new Promise(() => {}) : Promise.resolve(centralNodeIs);

const calls = {
  /** A new enforcer, which remembers nothing of the one before, as after a restart of the agent. */
  async renew(options: Options) {
    await enforcer.close();
    enforcer = createEnforcer(options);
  },
  enforce: (order: Omit<Parameters<typeof enforcer.enforce>[0], "scope" | "proveReachable">) =>
    enforcer.enforce({ scope: "host", ...order, proveReachable }),
  /** What a proof that the Central Node is reachable comes to from now on; `awaited`: nothing, ever. */
  centralNodeIs({ reachability }: { reachability: typeof centralNodeIs }) {
    centralNodeIs = reachability;
  },
  readBack: (_: null) => enforcer.readBack("host"),
  ability: (_: null) => enforcer.ability(),
  release: (_: null) => releaseIsolation(),
};
export type EnforcerCalls = typeof calls;

serveCalls(calls);
