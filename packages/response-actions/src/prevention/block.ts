import { type Static, Type } from "typebox";

const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });

/** That a banned file was kept from running, or was found to run. */
export const Block = Type.Object({
  eventId: Type.String({ pattern: "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$", rule: "must be a UUID" }),
  /** ISO 8601, UTC. */
  at: Type.String({ maxLength: 40 }),
  /** An exec or open was denied; a process already ran it and was left; or was killed. */
  kind: Type.Enum(["denied", "running", "killed"]),
  /** As the kernel tells it. */
  path: Type.String({ maxLength: 4096 }),
  hash: Type.String({ pattern: "^([0-9a-f]{32}|[0-9a-f]{64})$", rule: "must be 64 or 32 hex digits" }),
  algorithm: Type.Enum(["sha256", "md5"]),
  scope: Type.Enum(["host", "all"]),
  ruleName: Type.Union([Type.String({ maxLength: 1024 }), Type.Null()]),
  /** Of the content, where it was computed. */
  fileSha256: Type.Union([Type.String({ pattern: "^[0-9a-f]{64}$", rule: "must be 64 hex digits" }), Type.Null()]),
  userId: Type.Union([Count, Type.Null()]),
  userName: Type.Union([Type.String({ maxLength: 255 }), Type.Null()]),
  /** The process that asked, then its parents up to pid 1. */
  processes: Type.Array(
    Type.Object({
      pid: Count,
      name: Type.String({ maxLength: 255 }),
      commandLine: Type.String({ maxLength: 1024 }),
    }),
    { maxItems: 16 },
  ),
  /** How many like it are merged into this one, itself included. */
  count: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
});
export type Block = Static<typeof Block>;
