/**
 * The Response API's words end here: what the server says becomes what commands speak of. Shapes ask for no more than a
 * command needs, so that a server with fewer members (a KATA) or more is understood.
 */
import { type Static, Type } from "typebox";

const text = Type.Optional(Type.Union([Type.String(), Type.Null()]));

const WireSettingState = Type.Object({
  type: Type.String(),
  scope: Type.String(),
  state: Type.String(),
  orderedGeneration: Type.Number(),
  reportedGeneration: Type.Optional(Type.Union([Type.Number(), Type.Null()])),
  orderedAt: text,
  endsAt: text,
  reportedAt: text,
  reason: text,
  detail: text,
  refused: Type.Optional(
    Type.Array(Type.Object({ hash: Type.String(), reason: Type.String(), detail: Type.String() })),
  ),
  refusedCount: Type.Optional(Type.Number()),
  blocks24h: Type.Optional(Type.Number()),
});
const WireSensor = Type.Object({
  sensorId: Type.String(),
  host: text,
  hostIp: text,
  hostIps: Type.Optional(Type.Array(Type.String())),
  lastAccessTimestamp: text,
  version: text,
  osFamily: text,
  osName: text,
  capabilities: Type.Optional(Type.Array(Type.String())),
  settingStates: Type.Optional(Type.Array(WireSettingState)),
});
export const WireSensors = Type.Object({ sensors: Type.Array(WireSensor) });

export const WireIsolation = Type.Object({
  settings: Type.Object({
    autoTurnoffTimeoutInSec: Type.Number(),
    excludedRules: Type.Optional(Type.Array(Type.Object({}))),
  }),
});

const WireFile = Type.Object({
  file: Type.Object({ sha256: Type.Optional(Type.String()), md5: Type.Optional(Type.String()), name: text }),
  name: text,
});
export const WirePrevention = Type.Object({
  settings: Type.Object({
    objects: Type.Array(WireFile),
    scripts: Type.Optional(Type.Boolean()),
    killRunning: Type.Optional(Type.Boolean()),
  }),
});

export const WireConflict = Type.Object({
  hosts: Type.Array(Type.Object({ sensorId: Type.String(), host: Type.String() })),
});

export const WireTask = Type.Object({
  state: Type.String(),
  sensorId: text,
  latestStartDateTime: text,
  createdDateTime: text,
  finishedDateTime: text,
  exitCode: Type.Optional(Type.Union([Type.Number(), Type.Null()])),
  error: text,
  stdout: text,
  stderr: text,
  stdoutTruncated: Type.Optional(Type.Boolean()),
  stderrTruncated: Type.Optional(Type.Boolean()),
  task: Type.Optional(Type.Object({ execCommand: Type.String(), cmdLineParameters: text, workingDirectory: text })),
});
export type WireTask = Static<typeof WireTask>;

/** How far one setting of a host has come. */
export type SettingState = {
  action: string;
  scope: string;
  state: string;
  orderedGeneration: number;
  reportedGeneration: number | null;
  orderedAt: string | null;
  endsAt: string | null;
  reportedAt: string | null;
  reason: string | null;
  detail: string | null;
  /** Of a prevention rule: the first hashes that the host refuses, how many in all, and its blocks of the last day. */
  refused: { hash: string; reason: string; detail: string }[];
  refusedCount: number;
  /** Null: the server does not tell. */
  blocks24h: number | null;
};

export type Host = {
  sensorId: string;
  hostName: string;
  ipAddresses: string[];
  lastSeenAt: string | null;
  agentVersion: string | null;
  osFamily: string | null;
  osName: string | null;
  /** Null: the server does not tell. */
  capabilities: string[] | null;
  /** Null: the server does not tell whether an order is in effect (a KATA). */
  settingStates: SettingState[] | null;
};

export type Ports = { from: number; to: number };
export type Exclusion = {
  direction: "inbound" | "outbound" | "both";
  /** IANA number; null: every protocol. */
  protocol: number | null;
  remoteAddress: string;
  localPorts: Ports | null;
  remotePorts: Ports | null;
};

/** `hash` in lower-case hex; `name` is the rule's label, where it has one. */
export type FileHash = { algorithm: "sha256" | "md5"; hash: string; name?: string };

export type RuleModes = {
  /** Deny every opening of a banned file. */
  scripts: boolean;
  /** Kill processes that run a banned file already. */
  killRunning: boolean;
};
export type PreventionRule = RuleModes & { files: FileHash[] };

/** Members that the server does not tell are undefined, and so absent from JSON. */
export type Task = {
  taskId: string;
  state: string;
  sensorId?: string | null | undefined;
  program?: string | undefined;
  commandLine?: string | null | undefined;
  workingDirectory?: string | null | undefined;
  createdAt?: string | null | undefined;
  startedAt?: string | null | undefined;
  finishedAt?: string | null | undefined;
  exitCode?: number | null | undefined;
  error?: string | null | undefined;
  stdout?: string | null | undefined;
  stderr?: string | null | undefined;
  stdoutTruncated?: boolean | undefined;
  stderrTruncated?: boolean | undefined;
};

/** `network_isolation` → `network-isolation`, `in_effect` → `in-effect`. */
const ours = (word: string) => word.replaceAll("_", "-");

export function readHost(sensor: Static<typeof WireSensor>): Host {
  const ipAddresses = sensor.hostIps ?? (sensor.hostIp ? [sensor.hostIp] : []);
  return {
    sensorId: sensor.sensorId,
    hostName: sensor.host ?? "",
    ipAddresses,
    lastSeenAt: sensor.lastAccessTimestamp ?? null,
    agentVersion: sensor.version ?? null,
    osFamily: sensor.osFamily ?? null,
    osName: sensor.osName ?? null,
    capabilities: sensor.capabilities?.map(ours) ?? null,
    settingStates: sensor.settingStates?.map(readSettingState) ?? null,
  };
}

function readSettingState(wire: Static<typeof WireSettingState>): SettingState {
  return {
    action: ours(wire.type),
    scope: wire.scope,
    state: ours(wire.state),
    orderedGeneration: wire.orderedGeneration,
    reportedGeneration: wire.reportedGeneration ?? null,
    orderedAt: wire.orderedAt ?? null,
    endsAt: wire.endsAt ?? null,
    reportedAt: wire.reportedAt ?? null,
    reason: wire.reason ?? null,
    detail: wire.detail ?? null,
    refused: wire.refused ?? [],
    refusedCount: wire.refusedCount ?? 0,
    blocks24h: wire.blocks24h ?? null,
  };
}

export function writeExclusion(exclusion: Exclusion) {
  const range = ({ from, to }: Ports) => ({ fromPort: from, toPort: to });
  return {
    direction: exclusion.direction,
    ...(exclusion.protocol === null ? {} : { protocol: exclusion.protocol }),
    remoteIpv4Address: exclusion.remoteAddress,
    ...(exclusion.localPorts === null ? {} : { localPortRange: range(exclusion.localPorts) }),
    ...(exclusion.remotePorts === null ? {} : { remotePortRange: range(exclusion.remotePorts) }),
  };
}

export function readRule({ settings }: Static<typeof WirePrevention>): PreventionRule {
  const { scripts = false, killRunning = false } = settings;
  return { files: readFiles(settings), scripts, killRunning };
}

/** A KATA knows no modes: they are named only where they are on. */
export function writeRule({ files, scripts, killRunning }: PreventionRule) {
  const modes = { ...(scripts ? { scripts } : {}), ...(killRunning ? { killRunning } : {}) };
  return { settings: { objects: files.map(writeFile), ...modes } };
}

function readFiles(settings: Static<typeof WirePrevention>["settings"]): FileHash[] {
  return settings.objects.flatMap(({ file, name }): FileHash[] => {
    const label = name ?? file.name;
    const named = label ? { name: label } : {};
    return [
      ...(file.sha256 === undefined
        ? []
        : [{ algorithm: "sha256" as const, hash: file.sha256.toLowerCase(), ...named }]),
      ...(file.md5 === undefined ? [] : [{ algorithm: "md5" as const, hash: file.md5.toLowerCase(), ...named }]),
    ];
  });
}

function writeFile({ algorithm, hash, name }: FileHash) {
  return { file: { [algorithm]: hash }, ...(name === undefined ? {} : { name }) };
}

export function readTask(taskId: string, wire: WireTask): Task {
  return {
    taskId,
    state: wire.state,
    sensorId: wire.sensorId,
    program: wire.task?.execCommand,
    commandLine: wire.task?.cmdLineParameters,
    workingDirectory: wire.task?.workingDirectory,
    createdAt: wire.createdDateTime,
    startedAt: wire.latestStartDateTime,
    finishedAt: wire.finishedDateTime,
    exitCode: wire.exitCode,
    error: wire.error,
    stdout: wire.stdout,
    stderr: wire.stderr,
    stdoutTruncated: wire.stdoutTruncated,
    stderrTruncated: wire.stderrTruncated,
  };
}
