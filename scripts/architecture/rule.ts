import type { SourceTree } from "./source-tree.ts";

export type Violation = { file: string; line?: number; what: string };

/** One thing that must hold of the whole tree. `why` is for the person who just broke it. */
export type Rule = { rule: string; why: string; check(tree: SourceTree): Violation[] };

/** Each violation as a line that an editor can jump to, then the rule and its reason. */
export function describeViolations({ rule, why }: Rule, violations: Violation[]): string {
  const lines = violations.map(({ file, line, what }) => `  ${file}${line === undefined ? "" : `:${line}`} ${what}`);
  return `${lines.join("\n")}\nRule: ${rule}.\nWhy: ${why}.`;
}
