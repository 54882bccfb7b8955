/**
 * The wire of `/kata/response_api/v1/…`, in its own words and with its oddities. A correction of the wire is a change of
 * this file; prose and sources: docs/response-api.md. Unknown members and query parameters are ignored everywhere.
 */
import { type Static, Type } from "typebox";

export const responseApiBase = "/kata/response_api/v1";
/** Where integrators knock first with the ID of an external system; these APIs are not part of Cordon. */
export const knockBases = ["/kata/scanner/v1/sensors", "/kata/events_api/v1"] as const;
/** A prevention rule of 100,000 SHA-256 hashes, each with a label of 200 characters. */
export const maxBodyBytes = 32 * 1024 * 1024;

export const ExternalSystemId = Type.String({
  pattern: "^[0-9A-Za-z-]{1,64}$",
  rule: "must be 1 to 64 letters, digits or hyphens",
  description: "Chosen by the external system; compared without case",
});

const uuid = "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$";
const SensorId = Type.String({
  pattern: uuid,
  rule: "must be a UUID",
  description: "Names a host; compared without case",
});
const SensorIdOrAll = Type.Union([SensorId, Type.Literal("all")], { rule: 'must be a UUID or "all"' });
export const TaskId = Type.String({ pattern: uuid, rule: "must be a UUID", description: "Chosen by the client" });

const Timestamp = Type.String({ format: "date-time", description: "ISO 8601, UTC" });
const NullableTimestamp = Type.Union([Timestamp, Type.Null()]);

// ---- queries ----

export const SensorsQuery = Type.Object({
  ip: Type.Optional(Type.String({ maxLength: 64, description: "An IP address of the host" })),
  host: Type.Optional(Type.String({ maxLength: 255, description: "The whole host name, case-sensitive" })),
  sensor_id: Type.Optional(SensorId),
});
export type SensorsQuery = Static<typeof SensorsQuery>;

/** `network_izolation` is printed in versions of the help; accepted, never emitted. */
export const SettingsType = Type.Enum(["network_isolation", "network_izolation", "prevention"]);
export const SettingsQuery = Type.Object({ sensor_id: SensorIdOrAll, settings_type: SettingsType });
export type SettingsQuery = Static<typeof SettingsQuery>;

export const CreateTaskQuery = Type.Object({ sensor_id: SensorId, task_type: Type.Literal("run_process") });
export type CreateTaskQuery = Static<typeof CreateTaskQuery>;

export const GetTaskQuery = Type.Object({
  settings: Type.Optional(
    Type.Enum(["true", "false"], {
      description: "Whether the answer carries `task`, `stdout` and `stderr`",
      default: "false",
    }),
  ),
});
export type GetTaskQuery = Static<typeof GetTaskQuery>;

// ---- bodies ----

const PortRange = Type.Object({
  fromPort: Type.Integer({ minimum: 0, maximum: 65535 }),
  toPort: Type.Integer({ minimum: 0, maximum: 65535 }),
});

export const ExcludedRule = Type.Object({
  direction: Type.Optional(Type.Enum(["inbound", "outbound", "both"], { default: "both" })),
  protocol: Type.Optional(
    Type.Integer({ minimum: 0, maximum: 255, description: "IANA protocol number; absent: every protocol" }),
  ),
  remoteIpv4Address: Type.String({
    pattern: "^((25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])(\\.(?!$)|$)){4}$",
    rule: "must be one dotted IPv4 address",
  }),
  localPortRange: Type.Optional(PortRange),
  remotePortRange: Type.Optional(PortRange),
});
export type ExcludedRule = Static<typeof ExcludedRule>;

export const NetworkIsolationSettings = Type.Object({
  autoTurnoffTimeoutInSec: Type.Integer({
    minimum: 3600,
    maximum: 35_996_400,
    description: "1 to 9,999 hours, in seconds",
  }),
  excludedRules: Type.Optional(Type.Array(ExcludedRule, { maxItems: 1000 })),
});
export const NetworkIsolationBody = Type.Object({ settings: NetworkIsolationSettings });
export type NetworkIsolationBody = Static<typeof NetworkIsolationBody>;

const Sha256 = Type.String({ pattern: "^[0-9a-fA-F]{64}$", rule: "must be 64 hex digits" });
const Md5 = Type.String({ pattern: "^[0-9a-fA-F]{32}$", rule: "must be 32 hex digits" });

export const PreventionObject = Type.Object({
  file: Type.Object(
    { sha256: Type.Optional(Sha256), md5: Type.Optional(Md5), name: Type.Optional(Type.String({ maxLength: 1024 })) },
    { description: "Exactly one of sha256 and md5" },
  ),
  name: Type.Optional(Type.String({ maxLength: 1024, description: "The rule's label" })),
});
export type PreventionObject = Static<typeof PreventionObject>;

export const PreventionBody = Type.Object({
  settings: Type.Object({
    objects: Type.Array(PreventionObject, { maxItems: 100_000 }),
    scripts: Type.Optional(
      Type.Boolean({
        default: false,
        description:
          "Deny every opening of a banned file, so that an interpreter cannot read it either; costs each opening of a file on the host. Added by Cordon",
      }),
    ),
    killRunning: Type.Optional(
      Type.Boolean({
        default: false,
        description:
          "Kill processes that run a banned file already; without it they are reported, and go on. Added by Cordon",
      }),
    ),
  }),
});
export type PreventionBody = Static<typeof PreventionBody>;

const Schedule = Type.Object({ startNow: Type.Optional(Type.Boolean({ default: true })) });

export const RunProcessTask = Type.Object({
  /** `shedule` is printed in versions of the help; accepted, never emitted. */
  schedule: Type.Optional(Schedule),
  shedule: Type.Optional(Schedule),
  execCommand: Type.String({ minLength: 1, maxLength: 4096 }),
  cmdLineParameters: Type.Optional(Type.String({ maxLength: 8192 })),
  workingDirectory: Type.Optional(Type.String({ maxLength: 4096 })),
});
export const CreateTaskBody = Type.Object({ task: RunProcessTask });
export type CreateTaskBody = Static<typeof CreateTaskBody>;

// ---- answers ----

/** How far one setting of a host has come. Added by Cordon: KATA's API tells only what was ordered. */
export const SettingState = Type.Object({
  type: Type.Enum(["network_isolation", "prevention"]),
  scope: Type.Enum(["host", "all"], { description: "Whether the host's own setting or the one of all hosts" }),
  state: Type.Enum(["pending", "in_effect", "lifted", "failed", "not_supported"], {
    description:
      "pending: ordered, and the host has not reported on it yet; in_effect: read back on the host; lifted: nothing is in force, as ordered or because its time ran out; failed: see reason; not_supported: this host's agent cannot do it now",
  }),
  orderedGeneration: Type.Integer(),
  reportedGeneration: Type.Union([Type.Integer(), Type.Null()]),
  orderedAt: Timestamp,
  endsAt: NullableTimestamp,
  reportedAt: NullableTimestamp,
  reason: Type.Union([Type.String(), Type.Null()]),
  detail: Type.Union([Type.String(), Type.Null()]),
  refused: Type.Optional(
    Type.Array(Type.Object({ hash: Type.String(), reason: Type.String(), detail: Type.String() }), {
      maxItems: 100,
      description:
        "Of a prevention rule: hashes that this host does not ban, because it would not outlive it; the first 100 of `refusedCount`",
    }),
  ),
  refusedCount: Type.Optional(
    Type.Integer({ description: "Of a prevention rule: how many of its hashes the host refuses" }),
  ),
  blocks24h: Type.Optional(
    Type.Integer({
      description: "Of a prevention rule: blocks on this host in the last 24 hours, counted by the hour",
    }),
  ),
});
export type SettingState = Static<typeof SettingState>;

export const Sensor = Type.Object({
  sensorId: Type.String(),
  hostIp: Type.String(),
  host: Type.String(),
  lastAccessTimestamp: Timestamp,
  version: Type.String({ description: "Of the agent" }),
  selfDefenseState: Type.Boolean(),
  licenseStatus: Type.String(),
  osFamily: Type.Enum(["windows", "linux", "macos"]),
  osName: Type.String(),
  capabilities: Type.Array(Type.Enum(["network_isolation", "prevention", "run_process"]), {
    description: "What this host's agent can really do now",
  }),
  hostIps: Type.Array(Type.String(), { description: "Every address of the host; hostIp is the first" }),
  settingStates: Type.Array(SettingState),
});
export type Sensor = Static<typeof Sensor>;

export const SensorsReply = Type.Object({
  server: Type.Object({ version: Type.String() }),
  sensors: Type.Array(Sensor),
});
export type SensorsReply = Static<typeof SensorsReply>;

export const TaskState = Type.Enum(["waiting", "running", "completed", "failed", "cancelled"]);
export type TaskState = Static<typeof TaskState>;

export const TaskReply = Type.Object({
  state: TaskState,
  latestStartDateTime: NullableTimestamp,
  createdDateTime: Timestamp,
  sensorId: Type.String(),
  task: Type.Optional(
    Type.Object({
      schedule: Type.Object({ startNow: Type.Boolean() }),
      execCommand: Type.String(),
      cmdLineParameters: Type.Optional(Type.String()),
      workingDirectory: Type.Optional(Type.String()),
    }),
  ),
  finishedDateTime: Type.Optional(Timestamp),
  exitCode: Type.Optional(Type.Union([Type.Integer(), Type.Null()])),
  error: Type.Optional(Type.String()),
  stdout: Type.Optional(Type.String()),
  stderr: Type.Optional(Type.String()),
  stdoutTruncated: Type.Optional(Type.Boolean()),
  stderrTruncated: Type.Optional(Type.Boolean()),
});
export type TaskReply = Static<typeof TaskReply>;

export const Empty = Type.Object({});

export const ErrorReply = Type.Object({
  error: Type.String({ description: "The title of the error" }),
  message: Type.Optional(Type.String({ description: "What was wrong and what to do" })),
});

export const ConflictReply = Type.Object({
  error: Type.String(),
  message: Type.String(),
  file: Type.Object({ sha256: Type.Optional(Type.String()), md5: Type.Optional(Type.String()) }),
  hosts: Type.Union([Type.Literal("all"), Type.Array(Type.Object({ sensorId: Type.String(), host: Type.String() }))]),
});
export type ConflictReply = Static<typeof ConflictReply>;
