/**
 * What a Central Node and an agent say to each other. One TLS WebSocket a host, JSON text frames, one message a frame.
 * Prose, order and retries: docs/agent-protocol.md. Each side drops a message that does not fit its schema and says so
 * in its log; neither side crashes on one.
 */
import { type Static, Type } from "typebox";
import { BlockReport, PreventionSet, PreventionSetRequest } from "./agent-protocol-prevention.ts";
import { Generation, HostText, Name, Scope, Timestamp, Uuid } from "./agent-protocol-values.ts";

/**
 * One rising integer. A step is added when a message's meaning changes, with the day and what it brought:
 *   1 (2026-11-24) enrolment, settings with generations, tasks, spooled reports, certificate renewal.
 *   2 (2026-11-24) prevention rules as sets and what changed in them, no longer inside a `setting`; reports of blocks;
 *                  what a program prints while it runs.
 */
export const agentProtocolVersion = 2;

/** The name in a Central Node's certificate that agents check, whatever address they reach it at. */
export const centralNodeTlsName = "central-node.cordon.internal";
/** Subject alternative name (URI) of an agent's certificate: this and the sensor ID. */
export const agentUriPrefix = "urn:cordon:agent:";

export const enrolPath = "/agent/v1/enrol";
export const linkPath = "/agent/v1/link";

/** WebSocket close codes of ours (RFC 6455 leaves 4000–4999 to applications). */
export const closeCodes = {
  /** The host was removed: stop, lift nothing, do not come back. */
  removed: 4403,
  /** The same host connected again: this connection is the older one. */
  replaced: 4409,
  /** The first message was not a hello, or the protocol is one that the Central Node does not speak. */
  protocol: 4400,
  /** The Central Node goes down in good order: come back with jitter. */
  goingAway: 1001,
} as const;

/**
 * Rises with each report of one journal. What was said on a connection that is given up can arrive after what was said on
 * the next one: of two reports about one generation the higher number is the newer. Absent: taken as 0.
 */
const ReportNumber = Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }));
export const HostFacts = Type.Object({
  hostName: HostText(255),
  ipAddresses: Type.Array(HostText(64), { maxItems: 64, description: "the first is the one towards the Central Node" }),
  osFamily: Type.Union([Type.Literal("linux"), Type.Literal("windows"), Type.Literal("macos")]),
  osName: HostText(255),
  agentVersion: HostText(64),
  /** Response actions that this host can really do now. */
  capabilities: Type.Array(Name, { maxItems: 32 }),
});
export type HostFacts = Static<typeof HostFacts>;

export const EnrolRequest = Type.Object({
  secret: Type.String({ minLength: 32, maxLength: 64 }),
  /** PKCS #10, PEM. Its subject is ignored: the Central Node chooses the name. */
  certificateRequest: Type.String({ maxLength: 8192 }),
  facts: HostFacts,
});
export type EnrolRequest = Static<typeof EnrolRequest>;

export const EnrolReply = Type.Object({
  sensorId: Uuid,
  certificate: Type.String({ description: "PEM" }),
  /** PEM, one or several: the CAs that may sign a Central Node's certificate from now on. */
  authorities: Type.String(),
});
export type EnrolReply = Static<typeof EnrolReply>;

// ---- agent → Central Node ----

export const Hello = Type.Object({
  type: Type.Literal("hello"),
  protocol: Type.Integer({ minimum: 1, maximum: 1_000_000 }),
  facts: HostFacts,
  /** Names the agent's journal: another one than last time means that its memory of tasks is gone. */
  journalId: Uuid,
  /** The lineage (see Welcome) that the generations below belong to; null before the first contact. */
  lineage: Type.Union([Uuid, Type.Null()]),
  /** The newest generation that the journal holds of each setting; one that it never had is absent. */
  settings: Type.Array(Type.Object({ action: Name, scope: Scope, generation: Generation }), { maxItems: 64 }),
});
export type Hello = Static<typeof Hello>;

/** Sent when facts change while connected. */
export const FactsChanged = Type.Object({ type: Type.Literal("facts"), facts: HostFacts });
export type FactsChanged = Static<typeof FactsChanged>;

/**
 * What came of a setting. Spooled until acknowledged; a newer one of the same (action, scope) replaces it in the spool.
 *   in-effect  the wish holds, read back from the system; `detail` says what was read, `refused` what of it does not hold
 *   lifted     nothing is in force: the wish was null, or its time ran out
 *   failed     the wish does not hold; `reason` is a failure code of the action or one of `agentFailureCodes`
 */
export const SettingReport = Type.Object({
  type: Type.Literal("setting-report"),
  reportId: Uuid,
  reportNumber: ReportNumber,
  action: Name,
  scope: Scope,
  lineage: Uuid,
  generation: Generation,
  state: Type.Union([Type.Literal("in-effect"), Type.Literal("lifted"), Type.Literal("failed")]),
  reason: Type.Optional(Name),
  detail: Type.Optional(HostText(4096)),
  /** Parts of a wish in effect that this host does not carry out, as it would not outlive it; `refusedCount` of them in all. */
  refused: Type.Optional(
    Type.Array(Type.Object({ part: HostText(128), reason: Name, detail: HostText(1024) }), { maxItems: 100 }),
  ),
  refusedCount: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
  at: Timestamp,
});
export type SettingReport = Static<typeof SettingReport>;

/**
 * What came of a task. `accepted`: journaled, will be started. Spooled until acknowledged, in order for one task.
 * `completed`: the program ran, whatever its exit code. `failed`: it could not start, or what came of it is unknown.
 */
export const TaskReport = Type.Object({
  type: Type.Literal("task-report"),
  reportId: Uuid,
  reportNumber: ReportNumber,
  taskId: Uuid,
  state: Type.Enum(["accepted", "running", "completed", "failed", "cancelled"]),
  reason: Type.Optional(Name),
  detail: Type.Optional(HostText(4096)),
  startedAt: Type.Optional(Timestamp),
  finishedAt: Type.Optional(Timestamp),
  exitCode: Type.Optional(Type.Integer({ minimum: -2147483648, maximum: 4294967295 })),
  stdout: Type.Optional(HostText(2 * 1024 * 1024)),
  stderr: Type.Optional(HostText(2 * 1024 * 1024)),
  stdoutTruncated: Type.Optional(Type.Boolean()),
  stderrTruncated: Type.Optional(Type.Boolean()),
});
export type TaskReport = Static<typeof TaskReport>;

/** Characters of each of stdout and stderr in a `task-output`. */
export const maxLiveOutput = 64 * 1024;

/**
 * The end of what a running program has printed so far, in place of the one before. At most one a second for a task, and not
 * spooled: it shows that something is under way, and the whole output comes with the report of the end. Since protocol 2.
 */
export const TaskOutput = Type.Object({
  type: Type.Literal("task-output"),
  taskId: Uuid,
  stdout: HostText(maxLiveOutput),
  stderr: HostText(maxLiveOutput),
  /** There was more before it. */
  stdoutTruncated: Type.Boolean(),
  stderrTruncated: Type.Boolean(),
});
export type TaskOutput = Static<typeof TaskOutput>;

/** Asks for a new certificate over the link, at two thirds of the life of the one in use. */
export const RenewRequest = Type.Object({
  type: Type.Literal("renew"),
  certificateRequest: Type.String({ maxLength: 8192 }),
});
export type RenewRequest = Static<typeof RenewRequest>;

export const AgentMessage = Type.Union([
  Hello,
  FactsChanged,
  SettingReport,
  TaskReport,
  TaskOutput,
  RenewRequest,
  PreventionSetRequest,
  BlockReport,
]);
export type AgentMessage = Static<typeof AgentMessage>;

/** Largest frame from an agent, in bytes: two outputs at their largest, each byte escaped as `\u00xx` at worst. */
export const maxAgentFrameBytes = 16 * 1024 * 1024;
/** Largest frame to an agent, in bytes: to one of protocol 1, a prevention rule of 100,000 hashes with names. */
export const maxCentralNodeFrameBytes = 64 * 1024 * 1024;

// ---- Central Node → agent ----

export const Welcome = Type.Object({
  type: Type.Literal("welcome"),
  protocol: Type.Integer({ minimum: 1 }),
  sensorId: Uuid,
  /**
   * Names the history of this database. A Central Node restored from a backup has another one: generations of the old
   * lineage mean nothing then, and the agent takes every setting that follows, whatever its number.
   */
  lineage: Uuid,
  /** How often the agent sends a WebSocket ping; it takes the link for dead after two without a pong. */
  heartbeatSec: Type.Number({ minimum: 0.01, maximum: 3600 }),
  /** PEM: as in EnrolReply, so that a CA can be replaced while agents are connected. */
  authorities: Type.String(),
});
export type Welcome = Static<typeof Welcome>;

/**
 * How the host should be. `wish` null: lifted. `remainingSec` counts from the moment of sending, so clocks may differ;
 * absent for a wish without an end.
 */
export const SettingOrder = Type.Object({
  type: Type.Literal("setting"),
  action: Name,
  scope: Scope,
  generation: Generation,
  wish: Type.Union([Type.Null(), Type.Object({})]),
  remainingSec: Type.Optional(Type.Number({ minimum: 0 })),
});
export type SettingOrder = Static<typeof SettingOrder>;

export const TaskOrder = Type.Object({
  type: Type.Literal("task"),
  taskId: Uuid,
  action: Name,
  parameters: Type.Object({}),
});
export type TaskOrder = Static<typeof TaskOrder>;

/** Never start the task; terminate it if it runs. Answered by a terminal task-report, also for a task never heard of. */
export const TaskCancel = Type.Object({ type: Type.Literal("task-cancel"), taskId: Uuid });
export type TaskCancel = Static<typeof TaskCancel>;

/** The report is durable here: the agent may forget it. */
export const Acknowledgement = Type.Object({ type: Type.Literal("ack"), reportId: Uuid });
export type Acknowledgement = Static<typeof Acknowledgement>;

export const RenewReply = Type.Object({ type: Type.Literal("renewed"), certificate: Type.String() });
export type RenewReply = Static<typeof RenewReply>;

export const CentralNodeMessage = Type.Union([
  Welcome,
  SettingOrder,
  PreventionSet,
  TaskOrder,
  TaskCancel,
  Acknowledgement,
  RenewReply,
]);
export type CentralNodeMessage = Static<typeof CentralNodeMessage>;

/** Failure codes that any action may report, beside its own: code → sentence. */
export const agentFailureCodes = {
  NOT_SUPPORTED: "this agent, as it runs now, cannot do this",
  INVALID_ORDER: "the order does not fit the action's rules",
  FORBIDDEN_BY_LOCAL_POLICY: "the host's owner forbids this",
  RELEASED_LOCALLY: "somebody with root rights on the host lifted it there",
  AGENT_RESTARTED:
    "the agent was restarted while the task ran, so what came of it is unknown; it was not started again",
  JOURNAL_LOST: "the agent lost its journal, so what came of the task is unknown; it was not started again",
  AGENT_FAULT: "the agent failed in a way that it did not expect; its log says more",
} as const;
export type AgentFailureCode = keyof typeof agentFailureCodes;
