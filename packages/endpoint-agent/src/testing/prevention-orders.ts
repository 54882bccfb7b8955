import { createHash } from "node:crypto";
import { type PreventionSet, preventionLine } from "@cordon/contract";

/** A rule as a test has it: names by hash. */
export type Rule = ReadonlyMap<string, string | null>;

/** A SHA-256 that is told apart by a number. */
export const hashOf = (number: number) => number.toString(16).padStart(64, "0");
export const ruleOf = (...numbers: number[]): Rule => new Map(numbers.map((number) => [hashOf(number), null]));

export function digestOf(rule: Rule): string {
  const digest = createHash("sha256");
  for (const [hash, name] of [...rule].sort(([a], [b]) => (a < b ? -1 : 1))) digest.update(preventionLine(hash, name));
  return digest.digest("hex");
}

/** The parts in which a Central Node would send `rule`: as a whole, or what makes it of `from`. */
export function setOf(
  generation: number,
  rule: Rule,
  {
    from,
    perPart = 5_000,
    ...more
  }: { from?: { generation: number; rule: Rule }; perPart?: number } & Partial<PreventionSet> = {},
): PreventionSet[] {
  const before = from?.rule ?? new Map<string, string | null>();
  const added = [...rule]
    .filter(([hash, name]) => !before.has(hash) || before.get(hash) !== name)
    .map(([hash, name]) => ({ hash, name }));
  const removed = [...before.keys()].filter((hash) => !rule.has(hash));
  const parts = Math.max(1, Math.ceil(added.length / perPart), Math.ceil(removed.length / perPart));
  return Array.from({ length: parts }, (_, part) => ({
    type: "prevention-set",
    scope: "all",
    generation,
    base: from?.generation ?? null,
    part,
    parts,
    digest: digestOf(rule),
    scripts: false,
    killRunning: false,
    added: added.slice(part * perPart, (part + 1) * perPart),
    removed: removed.slice(part * perPart, (part + 1) * perPart),
    ...more,
  }));
}
