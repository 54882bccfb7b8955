import { type Static, Type } from "typebox";
import { SettingProgress } from "./hosts.ts";
import { BulkReply, HostileText, orNull, Timestamp, Uuid } from "./lists.ts";

const Ports = Type.Object({
  from: Type.Integer({ minimum: 0, maximum: 65535 }),
  to: Type.Integer({ minimum: 0, maximum: 65535 }),
});

/** As the exclusion of the action: see `@cordon/response-actions`, which checks it. */
export const ConsoleExclusion = Type.Object({
  direction: Type.Enum(["inbound", "outbound", "both"]),
  protocol: orNull(Type.Integer({ minimum: 0, maximum: 255 })),
  remoteAddress: Type.String({ maxLength: 64 }),
  localPorts: orNull(Ports),
  remotePorts: orNull(Ports),
});

export const IsolationOrder = Type.Object({
  hours: Type.Integer({ minimum: 1, maximum: 9999 }),
  exclusions: Type.Array(ConsoleExclusion, { maxItems: 1000 }),
});

export const IsolationRule = Type.Object({
  sensorId: Uuid,
  hostName: HostileText(255),
  exclusions: Type.Array(ConsoleExclusion),
  /** Not a whole number where the Response API said so. */
  hours: Type.Number(),
  orderedBy: Type.String(),
  orderedAt: Timestamp,
  endsAt: orNull(Timestamp),
  /** `ended`: by time; `disabled`: by somebody. Such a rule is kept until it is deleted. */
  state: Type.Enum(["in-effect", "pending", "ended", "disabled", "failed", "not-supported"]),
  progress: SettingProgress,
  /** For If-Match: rises with every change of the rule. */
  generation: Type.Integer(),
});
export type IsolationRule = Static<typeof IsolationRule>;

const Hash = Type.String({
  pattern: "^([0-9a-fA-F]{32}|[0-9a-fA-F]{64})$",
  rule: "must be 64 hex digits of SHA-256 or 32 of MD5",
});
/** `all`, or the hosts that it is for. */
export const RuleScope = Type.Union([Type.Literal("all"), Type.Array(Uuid, { minItems: 1, maxItems: 1000 })]);

export const PreventionRule = Type.Object({
  ruleId: Uuid,
  name: HostileText(1024),
  algorithm: Type.Enum(["sha256", "md5"]),
  hash: Type.String(),
  scope: Type.Union([Type.Literal("all"), Type.Array(Type.Object({ sensorId: Uuid, hostName: HostileText(255) }))]),
  enabled: Type.Boolean(),
  author: Type.String(),
  createdAt: Timestamp,
  changedAt: Timestamp,
  inEffectOn: Type.Integer(),
  ofHosts: Type.Integer(),
  refusedOn: Type.Integer(),
  blocks: Type.Integer(),
  version: Type.Integer(),
});
export type PreventionRule = Static<typeof PreventionRule>;

export const NewPreventionRule = Type.Object({
  name: HostileText(1024),
  hash: Hash,
  scope: RuleScope,
  enabled: Type.Boolean(),
});
export const PreventionRuleChange = Type.Object({
  name: Type.Optional(HostileText(1024)),
  scope: Type.Optional(RuleScope),
  enabled: Type.Optional(Type.Boolean()),
});

/** CSV (hash[,name]), one hash a line, or a STIX 2.1 bundle; which of them is found out by looking. */
export const ImportRequest = Type.Object({ text: Type.String({ maxLength: 16 * 1024 * 1024 }), scope: RuleScope });
export const ImportLine = Type.Object({
  line: Type.Integer(),
  hash: orNull(Type.String()),
  name: orNull(Type.String()),
  verdict: Type.Enum(["new", "known", "conflicting", "malformed", "duplicate"]),
  why: orNull(Type.String()),
});
export const ImportPreview = Type.Object({
  format: Type.Enum(["csv", "lines", "stix"]),
  counts: Type.Object({
    new: Type.Integer(),
    known: Type.Integer(),
    conflicting: Type.Integer(),
    malformed: Type.Integer(),
    duplicate: Type.Integer(),
  }),
  /** The first 500 of each verdict that is not `new`, and the first 100 new ones. */
  lines: Type.Array(ImportLine),
});
export type ImportPreview = Static<typeof ImportPreview>;

export const ConsoleTask = Type.Object({
  taskId: Uuid,
  sensorId: Uuid,
  /** Empty: the host was removed. */
  hostName: HostileText(255),
  program: HostileText(4096),
  commandLine: orNull(HostileText(32_768)),
  workingDirectory: orNull(HostileText(4096)),
  startNow: Type.Boolean(),
  state: Type.Enum(["waiting", "running", "completed", "failed", "cancelled"]),
  author: Type.String(),
  createdAt: Timestamp,
  startedAt: orNull(Timestamp),
  finishedAt: orNull(Timestamp),
  exitCode: orNull(Type.Integer()),
  reason: orNull(Type.String()),
  detail: orNull(HostileText(4096)),
});
export type ConsoleTask = Static<typeof ConsoleTask>;

export const ConsoleTaskWithOutput = Type.Intersect([
  ConsoleTask,
  Type.Object({
    stdout: Type.String(),
    stderr: Type.String(),
    stdoutTruncated: Type.Boolean(),
    stderrTruncated: Type.Boolean(),
    /** The program runs, and this is what it has printed so far. */
    outputIsPartial: Type.Boolean(),
  }),
]);

export const NewTasks = Type.Object({
  sensorIds: Type.Array(Uuid, { minItems: 1, maxItems: 1000 }),
  program: Type.String({ minLength: 1, maxLength: 4096 }),
  commandLine: orNull(Type.String({ maxLength: 32_768 })),
  workingDirectory: orNull(Type.String({ maxLength: 4096 })),
  startNow: Type.Boolean(),
});
/** One task a host. */
export const NewTasksReply = Type.Intersect([
  BulkReply,
  Type.Object({ tasks: Type.Array(Type.Object({ taskId: Uuid, sensorId: Uuid })) }),
]);
