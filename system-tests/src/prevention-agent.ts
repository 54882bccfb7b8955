/** Runs prevention's enforcer as an agent would, in the namespaces that it is started in. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { type Block, createPreventionEnforcer, type PreventionOptions } from "@cordon/response-actions/enforcers";
import { serveCalls } from "./called-program.ts";

type Enforcer = ReturnType<typeof createPreventionEnforcer>;
type Options = Pick<PreventionOptions, "directory" | "guard" | "watchMountsBy">;
type Scope = "host" | "all";

const proveReachable = () => Promise.reject(new Error("prevention asks nobody"));

let enforcer: Enforcer | null = null;
const blocks: Block[] = [];
const alarms: { code: string; detail: string }[] = [];
const scans: { state: string; filesSeen: number; filesFound: number }[] = [];

function current(): Enforcer {
  if (enforcer === null) throw new Error("there is no enforcer");
  return enforcer;
}

const calls = {
  create(options: Options) {
    enforcer = createPreventionEnforcer({
      ...options,
      onBlock: (block) => blocks.push(block),
      onAlarm: (alarm) => alarms.push(alarm),
      onScan: (progress) => scans.push(progress),
    });
  },
  ability: (_: null) => current().ability(),
  enforce: ({ scope = "host", wish }: { scope?: Scope; wish: Parameters<Enforcer["enforce"]>[0]["wish"] }) =>
    current().enforce({ scope, wish, remainingSec: null, centralNode: [], proveReachable }),
  readBack: ({ scope = "host" }: { scope?: Scope }) => current().readBack(scope),
  close: (_: null) => current().close(),
  seen: (_: null) => ({ blocks, alarms, scans }),
  pid: (_: null) => process.pid,
  /** Drops what the order itself left in memory: an agent has it in its journal. */
  collect(_: null) {
    setFlagsFromString("--expose-gc");
    runInNewContext("gc")();
  },
};
export type AgentCalls = typeof calls;

serveCalls(calls);
