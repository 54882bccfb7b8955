/** KATA's words ↔ ours, in both directions, and nothing else. */
import {
  type ConflictReply,
  type CreateTaskBody,
  describeFault,
  type ExcludedRule,
  type Fault,
  type NetworkIsolationBody,
  type PreventionBody,
  type PreventionObject,
  Problem,
  type Sensor,
  type SettingState as SettingStateReply,
  type TaskReply,
} from "@cordon/contract";
import type {
  BannedFile,
  Exclusion,
  NetworkIsolationWish,
  PreventionWish,
  RunProcessParameters,
} from "@cordon/response-actions";
import type { Host } from "../hosts/host-service.ts";
import type { RuleConflict } from "../settings/prevention-conflict.ts";
import type { SettingState } from "../settings/setting-state.ts";
import type { Task } from "../tasks/task-row.ts";

export const settingsTypes = {
  network_isolation: "network-isolation",
  network_izolation: "network-isolation",
  prevention: "prevention",
} as const;

const capabilityNames: Record<string, Sensor["capabilities"][number]> = {
  "network-isolation": "network_isolation",
  prevention: "prevention",
  "run-process": "run_process",
};

const stateNames = {
  pending: "pending",
  "in-effect": "in_effect",
  lifted: "lifted",
  failed: "failed",
  "not-supported": "not_supported",
} as const satisfies Record<SettingState["state"], SettingStateReply["state"]>;

// ---- network isolation ----

export function toIsolationWish({ settings }: NetworkIsolationBody): NetworkIsolationWish {
  return {
    autoTurnoffTimeoutInSec: settings.autoTurnoffTimeoutInSec,
    exclusions: (settings.excludedRules ?? []).map(toExclusion),
  };
}

function toExclusion(rule: ExcludedRule): Exclusion {
  return {
    direction: rule.direction ?? "both",
    protocol: rule.protocol ?? null,
    remoteAddress: rule.remoteIpv4Address,
    localPorts: toPorts(rule.localPortRange),
    remotePorts: toPorts(rule.remotePortRange),
  };
}

function toPorts(range: ExcludedRule["localPortRange"]) {
  return range === undefined ? null : { from: range.fromPort, to: range.toPort };
}

export function fromIsolationWish(wish: NetworkIsolationWish): NetworkIsolationBody {
  return {
    settings: {
      autoTurnoffTimeoutInSec: wish.autoTurnoffTimeoutInSec,
      excludedRules: wish.exclusions.map(fromExclusion),
    },
  };
}

function fromExclusion({ direction, protocol, remoteAddress, localPorts, remotePorts }: Exclusion): ExcludedRule {
  return {
    direction,
    ...(protocol === null ? {} : { protocol }),
    remoteIpv4Address: remoteAddress,
    ...(localPorts === null ? {} : { localPortRange: { fromPort: localPorts.from, toPort: localPorts.to } }),
    ...(remotePorts === null ? {} : { remotePortRange: { fromPort: remotePorts.from, toPort: remotePorts.to } }),
  };
}

// ---- prevention ----

/** Null: an empty list, which deletes the rule. Throws BAD_REQUEST where a file has not exactly one hash. */
export function toPreventionWish({ settings }: PreventionBody): PreventionWish | null {
  const files = new Map<string, BannedFile>();
  for (const [index, { file, name }] of settings.objects.entries()) {
    if ((file.sha256 === undefined) === (file.md5 === undefined)) {
      const rule = "must have exactly one of sha256 and md5";
      throw new Problem("BAD_REQUEST", {
        message: describeFault({ path: ["settings", "objects", index, "file"], rule, value: file }),
      });
    }
    const algorithm = file.sha256 === undefined ? "md5" : "sha256";
    const hash = (file.sha256 ?? file.md5 ?? "").toLowerCase();
    // The first of several equal ones stands, with its label.
    if (!files.has(hash)) files.set(hash, { algorithm, hash, name: name ?? file.name ?? null });
  }
  const { scripts = false, killRunning = false } = settings;
  return files.size === 0 ? null : { files: [...files.values()], ...modesOf({ scripts, killRunning }) };
}

export function fromPreventionWish(wish: PreventionWish | null): PreventionBody {
  return { settings: { objects: (wish?.files ?? []).map(fromFile), ...modesOf(wish ?? {}) } };
}

/** KATA has neither: a rule without them looks as it does there. */
function modesOf({ scripts, killRunning }: Pick<PreventionWish, "scripts" | "killRunning">) {
  return { ...(scripts === true ? { scripts } : {}), ...(killRunning === true ? { killRunning } : {}) };
}

function fromFile({ algorithm, hash, name }: BannedFile): PreventionObject {
  return { file: { [algorithm]: hash }, ...(name === null ? {} : { name }) };
}

export function fromConflict({ message, file, hosts }: RuleConflict, title: string): ConflictReply {
  return {
    error: title,
    message,
    file: { [file.algorithm]: file.hash },
    hosts: hosts === "all" ? "all" : hosts.map(({ sensorId, hostName }) => ({ sensorId, host: hostName })),
  };
}

// ---- tasks ----

export function toRunProcess({ task }: CreateTaskBody): { parameters: RunProcessParameters; startNow: boolean } {
  return {
    parameters: {
      program: task.execCommand,
      commandLine: task.cmdLineParameters ?? null,
      workingDirectory: task.workingDirectory ?? null,
    },
    startNow: (task.schedule ?? task.shedule)?.startNow ?? true,
  };
}

export function fromTask(task: Task, { settings }: { settings: boolean }): TaskReply {
  const ended = task.finishedAt !== null;
  return {
    state: task.state,
    latestStartDateTime: task.startedAt,
    createdDateTime: task.createdAt,
    sensorId: task.sensorId,
    ...(settings ? { task: fromParameters(task) } : {}),
    ...(task.finishedAt === null ? {} : { finishedDateTime: task.finishedAt }),
    ...(ended ? { exitCode: task.exitCode } : {}),
    ...(ended && task.reason !== null ? { error: `${task.reason}: ${task.detail ?? ""}`.replace(/: $/, "") } : {}),
    ...(ended && settings ? outputOf(task) : {}),
  };
}

function fromParameters(task: Task): NonNullable<TaskReply["task"]> {
  // Written by this file's other half, so its shape is known.
  const { program, commandLine, workingDirectory } = task.parameters as RunProcessParameters;
  return {
    schedule: { startNow: task.startNow },
    execCommand: program,
    ...(commandLine === null ? {} : { cmdLineParameters: commandLine }),
    ...(workingDirectory === null ? {} : { workingDirectory }),
  };
}

function outputOf(task: Task) {
  return {
    stdout: task.stdout ?? "",
    stderr: task.stderr ?? "",
    stdoutTruncated: task.stdoutTruncated,
    stderrTruncated: task.stderrTruncated,
  };
}

// ---- hosts ----

/** `blocks24h`: how often a rule's files were blocked on a host. */
export function fromHost(
  host: Host,
  states: SettingState[],
  blocks24h: (of: { sensorId: string; scope: "host" | "all" }) => number,
): Sensor {
  return {
    sensorId: host.sensorId,
    hostIp: host.ipAddresses[0] ?? "",
    host: host.hostName,
    lastAccessTimestamp: host.lastAccessAt,
    version: host.agentVersion,
    // Cordon has no licence, and says of self-defence what its agent has: none of its own yet.
    selfDefenseState: false,
    licenseStatus: "ok",
    osFamily: host.osFamily,
    osName: host.osName,
    capabilities: host.capabilities.map((name) => capabilityNames[name]).filter((name) => name !== undefined),
    hostIps: host.ipAddresses,
    settingStates: states.flatMap((state) =>
      fromState(state, () => blocks24h({ sensorId: host.sensorId, scope: state.scope })),
    ),
  };
}

function fromState(state: SettingState, blocks24h: () => number): SettingStateReply[] {
  const type = capabilityNames[state.action];
  if (type === undefined || type === "run_process") return [];
  const { action: _, state: name, refused, refusedCount, ...rest } = state;
  const ofPrevention = {
    refused: refused.map(({ part, reason, detail }) => ({ hash: part, reason, detail })),
    refusedCount,
    blocks24h: blocks24h(),
  };
  return [{ type, ...rest, state: stateNames[name], ...(type === "prevention" ? ofPrevention : {}) }];
}

// ---- faults ----

const memberNames: Record<string, string> = {
  exclusions: "excludedRules",
  remoteAddress: "remoteIpv4Address",
  localPorts: "localPortRange",
  remotePorts: "remotePortRange",
  from: "fromPort",
  to: "toPort",
  program: "execCommand",
  commandLine: "cmdLineParameters",
};

/** A fault in an action's own words, said in KATA's: `settings.excludedRules[2].localPortRange must not …`. */
export function describeFaultOf(body: "settings" | "task", fault: Fault): string {
  const path = fault.path.map((part) => (typeof part === "string" ? (memberNames[part] ?? part) : part));
  return describeFault({ ...fault, path: [body, ...path] });
}
