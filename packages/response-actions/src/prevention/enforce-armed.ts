/** What the supervisor holds while prevention is in force. */
import type { Rules } from "./enforce-decisions.ts";
import { countOf, type DenySet, digestOfDigests, type Scope, scopes } from "./enforce-deny-set.ts";
import type { GuardState } from "./enforce-guard-messages.ts";
import type { GuardProcess } from "./enforce-guard-process.ts";
import type { StandIn } from "./enforce-stand-in.ts";

/** The group, what it is to deny, and who answers now. */
export type Armed = {
  groupFd: number;
  rules: Rules;
  guard: GuardProcess | null;
  /** The guard holds the rules and answers. */
  isGuarding: boolean;
  /** Somebody held the rules once, so that somebody must hold them now. */
  isHeld: boolean;
  standIn: StandIn | null;
  failures: number;
  startedAt: number;
  retry: NodeJS.Timeout | null;
  /** Who waits until somebody holds the rules. */
  settled: { resolve(): void; reject(error: Error): void }[];
};

/** Resolves when a guard holds the rules, rejects when none does in time. */
export function untilHeld({ settled }: Armed, withinMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("no guard holds the rules")), withinMs);
    settled.push({
      resolve() {
        clearTimeout(timer);
        resolve();
      },
      reject,
    });
  });
}

export function verify(state: GuardState, { set, scripts }: Rules) {
  const isSame = scopes.every((scope) => state.digests[scope] === digestOfDigests(set[scope]));
  if (!isSame || state.scripts !== scripts) throw new Error("the guard holds other rules than it was given");
}

export function scopesOf(set: DenySet): Scope[] {
  return scopes.filter((scope) => countOf(set[scope]) > 0);
}
