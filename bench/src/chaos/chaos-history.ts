/** What happened in a chaos run, as the verdict reads it. Times are milliseconds on the machine's one monotonic clock. */
import { createHash } from "node:crypto";

export type Action = "network-isolation" | "prevention";

/** `number` names an order within its run, and so does its content: no two orders wish for the same. */
export type Order = { number: number; target: string } & (
  | { kind: "isolate"; seconds: number }
  | { kind: "end-isolation" }
  | { kind: "ban"; hashes: string[] }
  | { kind: "unban" }
  | { kind: "run"; taskId: string; lastsMs: number }
);

/** `status` null: the answer was lost, and whether the order was stored is not known. */
export type Attempt = { sentMs: number; endedMs: number; status: number | null; why: string };

/** In the order in which they were given: of one target and action, never two at a time. */
export type GivenOrder = { order: Order; attempts: Attempt[]; answer: "accepted" | "refused" | "lost" };

export type FaultKind = "kill" | "pause" | "cut" | "silence" | "stop" | "stop-at-once";
export type Fault = {
  what: "node" | "agents" | "postgres";
  /** Which node, or which process of agents. */
  which: number;
  kind: FaultKind;
  beganMs: number;
  healedMs: number;
};

/** `process`: how often the agent's process had been started. `content`: what an order wished for, in one line. */
export type HostEvent = { ms: number; sensorId: string; process: number } & (
  | { what: "hold"; action: string; scope: string; lineage: string; generation: number }
  | { what: "enforce"; action: string; scope: string; content: string | null; endsAtMs: number | null }
  | { what: "start"; taskId: string; pid: number; endsAtMs: number }
  | { what: "end"; taskId: string; how: "done" | "terminated" }
);

/** What a host holds in the end: by its journal the generation, by its kernel the content. */
export type HostMemory = {
  sensorId: string;
  agents: number;
  link: string;
  settings: { action: string; scope: string; generation: number; content: string | null }[];
};

/** What a Central Node says in the end. */
export type HostRead = {
  sensorId: string;
  settings: {
    action: string;
    scope: string;
    state: string;
    orderedGeneration: number;
    reportedGeneration: number | null;
  }[];
};
export type SettingRead = { target: string; action: Action; content: string | null };
/** `state` null: there is no such task. */
export type TaskRead = { taskId: string; state: string | null; sensorId: string | null; error: string | null };
export type AuditEntry = {
  seq: number;
  action: string;
  object: string;
  generation: number | null;
  digest: string | null;
};

export type History = {
  sensorIds: string[];
  orders: GivenOrder[];
  faults: Fault[];
  events: HostEvent[];
  memory: HostMemory[];
  hosts: HostRead[];
  settings: SettingRead[];
  /** From when to when the memory and the Central Nodes' words were read: an isolation may end meanwhile. */
  read: { fromMs: number; toMs: number };
  tasks: TaskRead[];
  audit: { intact: boolean; why: string | null; entries: AuditEntry[] };
};

export const actionOf = ({ kind }: Order): Action | "run-process" => {
  if (kind === "run") return "run-process";
  return kind === "isolate" || kind === "end-isolation" ? "network-isolation" : "prevention";
};

/** The body that asks for it, as it goes over the wire; null where there is none. */
export function bodyOf(order: Order): object | null {
  switch (order.kind) {
    case "isolate":
      return { settings: { autoTurnoffTimeoutInSec: order.seconds } };
    case "ban":
      return { settings: { objects: order.hashes.map((sha256) => ({ file: { sha256 } })) } };
    case "run":
      return { task: { execCommand: "/bin/sleep", cmdLineParameters: `${order.taskId} ${order.lastsMs}` } };
    default:
      return null;
  }
}

/** As the audit log has it. */
export function digestOf(order: Order): string | null {
  const body = bodyOf(order);
  return body === null ? null : createHash("sha256").update(JSON.stringify(body)).digest("hex");
}

export const contentOfHashes = (hashes: string[]) => hashes.toSorted().join(" ");

/** Of a setting; null: lifted. */
export function contentOf(order: Order): string | null {
  if (order.kind === "isolate") return String(order.seconds);
  return order.kind === "ban" ? contentOfHashes(order.hashes) : null;
}
