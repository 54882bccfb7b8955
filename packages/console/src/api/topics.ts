import type { ConsoleEvent, ConsoleRouteName } from "@cordon/contract/console-api";

type Topic = ConsoleEvent["topic"];

/** Which changes make what was shown of a call old. A call that is not here is asked once. */
export const topicsOf: Partial<Record<ConsoleRouteName, readonly Topic[]>> = {
  overview: ["hosts", "isolation-rules", "prevention-rules", "tasks", "external-systems"],
  listHosts: ["hosts", "isolation-rules", "prevention-rules"],
  getHost: ["hosts", "isolation-rules", "prevention-rules", "tasks"],
  hostHistory: ["hosts", "isolation-rules", "prevention-rules", "tasks"],
  listIsolationRules: ["isolation-rules", "hosts"],
  getIsolationRule: ["isolation-rules"],
  listPreventionRules: ["prevention-rules", "hosts"],
  getPreventionRule: ["prevention-rules"],
  listTasks: ["tasks"],
  getTask: ["tasks"],
  listExternalSystems: ["external-systems"],
  listUsers: ["users"],
  listAudit: ["audit"],
  getSettings: ["settings"],
  listJoinTokens: ["join-tokens"],
};

/** Whether a shown query (`[name, args]`) is made old by an event. Events that name IDs leave other single things alone. */
export function isTouched(queryKey: readonly unknown[], { topic, ids }: ConsoleEvent): boolean {
  const [name, args] = queryKey as [ConsoleRouteName, { params?: Record<string, string> } | undefined];
  if (topicsOf[name]?.includes(topic) !== true) return false;
  const own = Object.values(args?.params ?? {});
  // `getHost` of a host is touched by a task's event too, and that names the task: only the thing's own topic may be narrowed.
  if (ids === undefined || own.length === 0 || topicsOf[name]?.[0] !== topic) return true;
  return own.some((id) => ids.includes(id));
}
