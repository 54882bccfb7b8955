import { type Static, Type } from "typebox";
import type { SettingAction } from "../kit/response-action.ts";

export const BannedFile = Type.Object({
  algorithm: Type.Union([Type.Literal("sha256"), Type.Literal("md5")]),
  /** Lower-case hexadecimal: 64 digits of SHA-256 or 32 of MD5. */
  hash: Type.String({
    pattern: "^([0-9a-f]{32}|[0-9a-f]{64})$",
    rule: "must be 64 hex digits of SHA-256 or 32 of MD5",
  }),
  /** The rule's label, or null. */
  name: Type.Union([Type.String({ maxLength: 1024 }), Type.Null()]),
});
export type BannedFile = Static<typeof BannedFile>;

/** Files that must not run, by digest of their content. Never empty: nothing banned is a lifted wish. */
export const PreventionWish = Type.Object({
  files: Type.Array(BannedFile, { minItems: 1, maxItems: 100_000 }),
  /** Deny every opening of a banned file, so that an interpreter cannot read it either. Costs each open on the host. */
  scripts: Type.Optional(Type.Boolean()),
  /** Kill processes that run a banned file already. Without it they are reported, and go on. */
  killRunning: Type.Optional(Type.Boolean()),
});
export type PreventionWish = Static<typeof PreventionWish>;

const digits = { sha256: 64, md5: 32 } as const;

export const prevention = {
  kind: "setting",
  name: "prevention",
  summary: "Stops files from running, by MD5 or SHA-256, on one host or on all",
  scopes: ["host", "all"],
  wish: PreventionWish,
  findFault(wish: PreventionWish) {
    const index = wish.files.findIndex((file) => file.hash.length !== digits[file.algorithm]);
    const file = wish.files[index];
    if (file === undefined) return null;
    return {
      path: ["files", index, "hash"],
      rule: `must be ${digits[file.algorithm]} hex digits for ${file.algorithm}`,
      value: file.hash,
    };
  },
  lifetimeSec: (_wish: PreventionWish) => null,
  failures: {
    HOST_NEEDS_IT: "the host would not live without this file, so it is not banned there",
    GUARD_PATH: "what the agent was told to guard cannot be guarded",
    GUARD_FAILED: "the guard could not be started, or does not answer",
    READ_BACK_DIFFERS: "what the guard holds, or the kernel asks it about, is not what was ordered",
  },
} as const satisfies SettingAction;
export type PreventionFailure = keyof typeof prevention.failures;
