import type { KeptRule } from "./prevention-rule-store.ts";

/** `hosts` of a new one: those that do not have it yet; null: all hosts. */
export type ImportVerdict =
  | { verdict: "new"; hosts: string[] | null }
  | { verdict: "known" | "conflicting"; message: string };

/** What importing a hash for some hosts (null: for all) comes to, beside the rules that there are for it. */
export function hashesToImport(rules: readonly KeptRule[], hosts: readonly string[] | null) {
  const byHash = Map.groupBy(rules, (rule) => rule.hash);

  return (hash: string): ImportVerdict => {
    const there = byHash.get(hash) ?? [];
    const across = there.some((rule) => rule.enabled === 1 && (rule.scope === "all") !== (hosts === null));
    if (across) {
      return {
        verdict: "conflicting",
        message: hosts === null ? "single hosts have it: take it out there first" : "all hosts have it already",
      };
    }
    const same = there.filter((rule) => (rule.scope === "all") === (hosts === null));
    if (hosts === null) return same.length === 0 ? { verdict: "new", hosts: null } : knownBy(same);
    const missing = hosts.filter((host) => !same.some((rule) => rule.hosts.includes(host)));
    return missing.length > 0 ? { verdict: "new", hosts: missing } : knownBy(same);
  };
}

function knownBy(rules: readonly KeptRule[]): ImportVerdict {
  const disabled = rules.every((rule) => rule.enabled === 0);
  return { verdict: "known", message: disabled ? "a disabled rule has it: enable that one" : "a rule has it already" };
}
