import {
  type AgentMessage,
  BlockReport,
  describeFault,
  FactsChanged,
  findFault,
  Hello,
  PreventionSetRequest,
  RenewRequest,
  SettingReport,
  TaskOutput,
  TaskReport,
} from "@cordon/contract";

const schemas = {
  hello: Hello,
  facts: FactsChanged,
  "setting-report": SettingReport,
  "task-report": TaskReport,
  "task-output": TaskOutput,
  renew: RenewRequest,
  "prevention-set-request": PreventionSetRequest,
  "block-report": BlockReport,
} as const satisfies Record<AgentMessage["type"], unknown>;

/** Reads one frame of an agent, which may be hostile. */
export function readAgentMessage(frame: string): { message: AgentMessage } | { fault: string } {
  let value: unknown;
  try {
    value = JSON.parse(frame);
  } catch {
    return { fault: "not JSON" };
  }
  const type = typeof value === "object" && value !== null && "type" in value ? value.type : undefined;
  if (typeof type !== "string" || !Object.hasOwn(schemas, type)) return { fault: "a message of no known type" };
  const fault = findFault(schemas[type as AgentMessage["type"]], value);
  if (fault !== null) return { fault: `${type}: ${describeFault(fault)}` };
  return { message: value as AgentMessage };
}
