import {
  Acknowledgement,
  type CentralNodeMessage,
  describeFault,
  findFault,
  PreventionSet,
  RenewReply,
  SettingOrder,
  TaskCancel,
  TaskOrder,
  Welcome,
} from "@cordon/contract";

const schemas = {
  welcome: Welcome,
  setting: SettingOrder,
  "prevention-set": PreventionSet,
  task: TaskOrder,
  "task-cancel": TaskCancel,
  ack: Acknowledgement,
  renewed: RenewReply,
} as const satisfies Record<CentralNodeMessage["type"], unknown>;

/** What a Central Node said, parsed from JSON; it may be hostile. */
export function readCentralNodeMessage(
  value: unknown,
): { message: CentralNodeMessage } | { fault: string; type: unknown } {
  const type = typeof value === "object" && value !== null && "type" in value ? value.type : undefined;
  if (typeof type !== "string" || !Object.hasOwn(schemas, type)) return { fault: "its type is unknown", type };
  const fault = findFault(schemas[type as keyof typeof schemas], value);
  // Just checked against the schema of its type.
  return fault === null ? { message: value as CentralNodeMessage } : { fault: describeFault(fault), type };
}
