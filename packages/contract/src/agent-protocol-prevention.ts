/** How the files of a prevention rule reach an agent, and how blocks come back; since protocol 2. */
import { type Static, Type } from "typebox";
import { Generation, Scope, Uuid } from "./agent-protocol-values.ts";

/** Files in one part of a set: few enough that neither side holds much more than the rule itself. */
export const maxFilesPerPart = 5_000;
export const maxBlocksPerReport = 100;

/** Lower-case hexadecimal; the length says which: 64 digits of SHA-256 or 32 of MD5. */
const Hash = Type.String({
  pattern: "^([0-9a-f]{32}|[0-9a-f]{64})$",
  rule: "must be 64 hex digits of SHA-256 or 32 of MD5",
});
const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });

/**
 * One part of what the rule of a scope became at `generation`. The agent applies a set once it has all of its parts, in
 * order, or not at all. A rule that is lifted travels as a `setting` whose wish is null.
 */
export const PreventionSet = Type.Object({
  type: Type.Literal("prevention-set"),
  scope: Scope,
  generation: Generation,
  /** The generation that `added` and `removed` change; null: the set is whole, and replaces what is there. */
  base: Type.Union([Generation, Type.Null()]),
  /** From 0. */
  part: Type.Integer({ minimum: 0, maximum: 999 }),
  parts: Type.Integer({ minimum: 1, maximum: 1000 }),
  /** Of the whole rule that results: SHA-256, in lower-case hex, of its `preventionLine`s in the order of their hashes. */
  digest: Type.String({ pattern: "^[0-9a-f]{64}$", rule: "must be 64 hex digits" }),
  scripts: Type.Boolean(),
  killRunning: Type.Boolean(),
  /** Each hash once; one that the rule has already gets this name. */
  added: Type.Array(Type.Object({ hash: Hash, name: Type.Union([Type.String({ maxLength: 1024 }), Type.Null()]) }), {
    maxItems: maxFilesPerPart,
  }),
  removed: Type.Array(Hash, { maxItems: maxFilesPerPart }),
});
export type PreventionSet = Static<typeof PreventionSet>;

/** A line of what a rule's digest is of. The name is JSON, so that no name can pass for another line. */
export function preventionLine(hash: string, name: string | null): string {
  return `${hash} ${JSON.stringify(name)}\n`;
}

/** Asks for the whole set: its base is not the generation that the agent holds, or what came of it has another digest. */
export const PreventionSetRequest = Type.Object({ type: Type.Literal("prevention-set-request"), scope: Scope });
export type PreventionSetRequest = Static<typeof PreventionSetRequest>;

/** Blocks that are not acknowledged yet, oldest first. A block keeps its `eventId` however often it is sent. */
export const BlockReport = Type.Object({
  type: Type.Literal("block-report"),
  reportId: Uuid,
  /** Each a `Block` of the action; one that does not fit is dropped, and the others stand. */
  blocks: Type.Array(Type.Object({}), { minItems: 1, maxItems: maxBlocksPerReport }),
  /** Blocks of which nothing is known but that they were, in all since this journal began. */
  lostInAll: Count,
});
export type BlockReport = Static<typeof BlockReport>;
