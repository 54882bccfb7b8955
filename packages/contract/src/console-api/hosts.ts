import { type Static, Type } from "typebox";
import { HostileText, orNull, Timestamp, Uuid } from "./lists.ts";

/** Desired beside actual: what was ordered for a host and what the host has reported, never one for the other. */
export const SettingProgress = Type.Object({
  state: Type.Enum(["none", "pending", "in-effect", "lifted", "failed", "not-supported"]),
  orderedGeneration: orNull(Type.Integer()),
  reportedGeneration: orNull(Type.Integer()),
  orderedAt: orNull(Timestamp),
  /** ISO 8601; null: no end, or nothing ordered. */
  endsAt: orNull(Timestamp),
  reportedAt: orNull(Timestamp),
  reason: orNull(HostileText(64)),
  detail: orNull(HostileText(4096)),
});
export type SettingProgress = Static<typeof SettingProgress>;

/** By the time since the host was last heard of; the thresholds are in the settings. */
export const Activity = Type.Enum(["normal", "warning", "critical"]);

export const ConsoleHost = Type.Object({
  sensorId: Uuid,
  hostName: HostileText(255),
  ipAddresses: Type.Array(HostileText(64)),
  osFamily: Type.Enum(["linux", "windows", "macos"]),
  osName: HostileText(255),
  agentVersion: HostileText(64),
  capabilities: Type.Array(Type.String()),
  activity: Activity,
  enrolledAt: Timestamp,
  lastAccessAt: Timestamp,
  isolation: SettingProgress,
  /** The host's own rule and the one of all hosts, the less advanced of both. */
  prevention: SettingProgress,
  /** Settings and tasks that failed on it in the last day. */
  failuresLastDay: Type.Integer({ minimum: 0 }),
});
export type ConsoleHost = Static<typeof ConsoleHost>;

export const HistoryEntry = Type.Object({
  at: Timestamp,
  who: Type.String(),
  action: Type.String(),
  result: Type.String(),
  detail: Type.String(),
});

export const Overview = Type.Object({
  hosts: Type.Object({
    total: Type.Integer(),
    normal: Type.Integer(),
    warning: Type.Integer(),
    critical: Type.Integer(),
  }),
  isolated: Type.Array(
    Type.Object({ sensorId: Uuid, hostName: HostileText(255), state: Type.String(), endsAt: orNull(Timestamp) }),
  ),
  isolatedTotal: Type.Integer(),
  notInEffect: Type.Array(
    Type.Object({
      sensorId: Uuid,
      hostName: HostileText(255),
      action: Type.String(),
      orderedAt: Timestamp,
      state: Type.String(),
      reason: orNull(Type.String()),
    }),
  ),
  notInEffectTotal: Type.Integer(),
  failuresLastDay: Type.Array(
    Type.Object({
      sensorId: Uuid,
      hostName: HostileText(255),
      action: Type.String(),
      reason: Type.String(),
      at: Timestamp,
    }),
  ),
  failuresLastDayTotal: Type.Integer(),
  tasks: Type.Object({
    waiting: Type.Integer(),
    running: Type.Integer(),
    completed: Type.Integer(),
    failed: Type.Integer(),
    cancelled: Type.Integer(),
  }),
  pendingExternalSystems: Type.Integer(),
  blocksLastDay: Type.Integer(),
  /** The last 24 hours, one entry an hour, oldest first. */
  hours: Type.Array(
    Type.Object({ at: Timestamp, orders: Type.Integer(), effects: Type.Integer(), failures: Type.Integer() }),
  ),
});
export type Overview = Static<typeof Overview>;
