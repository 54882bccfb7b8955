/**
 * By what each list can be filtered and sorted. The kind says which operators a field has: `text` all of `contains`,
 * `not-contains`, `is`, `is-not`; `choice` the exact ones; `time` (ISO 8601) and `number` `is`, `before` and `after`.
 */
export type ListFieldKind = "text" | "choice" | "time" | "number";

export const listFields = {
  listHosts: {
    hostName: "text",
    ipAddresses: "text",
    osName: "text",
    agentVersion: "text",
    capabilities: "text",
    sensorId: "text",
    activity: "choice",
    lastAccessAt: "time",
    enrolledAt: "time",
    /** The state of its progress, as are `prevention` and an isolation rule's `state`. */
    isolation: "choice",
    isolationEndsAt: "time",
    prevention: "choice",
    failuresLastDay: "number",
  },
  hostHistory: { at: "time", who: "text", action: "text", result: "text" },
  listIsolationRules: {
    hostName: "text",
    sensorId: "text",
    state: "choice",
    orderedBy: "text",
    orderedAt: "time",
    endsAt: "time",
  },
  listPreventionRules: {
    name: "text",
    hash: "text",
    algorithm: "choice",
    /** `all` or `hosts`. */
    scope: "choice",
    /** The rules that apply to this host: its own and those of all hosts. */
    sensorId: "choice",
    /** `true` or `false`. */
    enabled: "choice",
    author: "text",
    createdAt: "time",
    changedAt: "time",
    blocks: "number",
  },
  listTasks: {
    taskId: "text",
    sensorId: "text",
    hostName: "text",
    program: "text",
    commandLine: "text",
    state: "choice",
    author: "text",
    createdAt: "time",
    startedAt: "time",
    finishedAt: "time",
    exitCode: "number",
  },
  listExternalSystems: {
    name: "text",
    externalSystemId: "text",
    fingerprint: "text",
    subject: "text",
    address: "text",
    state: "choice",
    validTo: "time",
    firstSeenAt: "time",
    lastSeenAt: "time",
  },
  listUsers: {
    name: "text",
    role: "choice",
    /** `active` or `disabled`. */
    state: "choice",
    createdAt: "time",
    lastSignInAt: "time",
  },
  listAudit: {
    seq: "number",
    at: "time",
    actorKind: "choice",
    actorId: "text",
    address: "text",
    action: "text",
    object: "text",
    result: "text",
  },
} as const satisfies Record<string, Record<string, ListFieldKind>>;
