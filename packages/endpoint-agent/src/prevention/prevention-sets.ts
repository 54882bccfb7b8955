import type { PreventionSet, PreventionSetRequest } from "@cordon/contract";
import type { DesiredState } from "../desired-state.ts";
import type { Journal } from "../journal/journal.ts";
import type { KeptRule } from "../journal/prevention-store.ts";
import type { Scope } from "../journal/setting-store.ts";
import type { Logger } from "../log.ts";

/** What a wish of prevention takes at most, and what a set may bring: each of them added and each removed. */
const maxFiles = 100_000;
const maxStaged = 2 * maxFiles;

type Expected = Pick<PreventionSet, "generation" | "base" | "parts" | "digest"> & { next: number };

/**
 * Puts prevention rules together from their parts. Until the last one is there the rule stays as it is; then it is changed
 * as a whole, if what results has the digest that was told. Otherwise the whole set is asked for.
 */
export function createPreventionSets({
  journal,
  desiredState,
  send,
  log,
}: {
  journal: Journal;
  desiredState: Pick<DesiredState, "expects" | "takeKept" | "refuse">;
  send(message: PreventionSetRequest): void;
  log: Logger;
}) {
  const awaited = new Map<Scope, Expected>();

  function takePart(set: PreventionSet, lineage: string) {
    const { scope, generation } = set;
    if (set.part === 0) {
      awaited.delete(scope);
      if (!desiredState.expects({ action: "prevention", scope, generation }, lineage)) return;
      if (set.base !== null && set.base !== heldGeneration(scope, lineage)) {
        askForWhole(scope, "it changes a rule that is not the one held here");
        return;
      }
      if (set.parts === 1) {
        // Nearly all are: it is on disk once, with the record that it belongs to.
        const whole = set.base === null;
        complete(set, lineage, () => journal.prevention.apply(scope, set, { whole }));
        return;
      }
      journal.transaction(() => journal.prevention.dropStaged(scope));
      awaited.set(scope, { generation, base: set.base, parts: set.parts, digest: set.digest, next: 0 });
    }
    const expected = awaited.get(scope);
    // The rest of one that was answered at its first part.
    if (expected === undefined) return;
    if (!continues(expected, set)) {
      awaited.delete(scope);
      askForWhole(scope, "a part of it is missing");
      return;
    }
    journal.transaction(() => journal.prevention.stage(scope, set));
    expected.next += 1;
    if (journal.prevention.countStaged(scope) > maxStaged) {
      awaited.delete(scope);
      refuse(set, lineage, `a set brings more than ${maxStaged} files`);
    } else if (expected.next === expected.parts) {
      awaited.delete(scope);
      complete(set, lineage, () => journal.prevention.applyStaged(scope, { whole: set.base === null }));
    }
  }

  /** `apply` makes the files on disk those of the set. */
  function complete(set: PreventionSet, lineage: string, apply: () => void) {
    const { scope, base, generation, digest, scripts, killRunning } = set;
    const kept: KeptRule = { digest, generation, scripts, killRunning };
    // A newer order, a lift say, may have overtaken the parts.
    if (!desiredState.expects({ action: "prevention", scope, generation }, lineage)) return;
    try {
      desiredState.takeKept({ action: "prevention", scope, generation, wish: {} }, lineage, () => {
        apply();
        const files = journal.prevention.count(scope);
        if (files === 0 || files > maxFiles) throw unfit(`a rule has 1 to ${maxFiles} files, not ${files}`);
        if (journal.prevention.digest(scope) !== digest) throw unfit("the files do not come to the digest told");
        return kept;
      });
    } catch (error) {
      if (!isUnfit(error)) throw error;
      journal.transaction(() => journal.prevention.dropStaged(scope));
      // A whole one that is wrong would be no better the next time.
      if (base === null) refuse(set, lineage, error.message);
      else askForWhole(scope, error.message);
    }
  }

  function refuse({ scope, generation }: PreventionSet, lineage: string, detail: string) {
    desiredState.refuse({ action: "prevention", scope, generation }, lineage, { reason: "INVALID_ORDER", detail });
  }

  function askForWhole(scope: Scope, why: string) {
    log.warn({ scope, why }, "cannot take a prevention set; asking for the whole rule");
    send({ type: "prevention-set-request", scope });
  }

  /** The generation that the files here are of; null: of none that this lineage knows. */
  function heldGeneration(scope: Scope, lineage: string): number | null {
    const record = journal.settings.find("prevention", scope);
    if (record === null || record.lineage !== lineage) return null;
    if (record.wish === null) return record.refusal === null ? record.generation : null;
    // Only the wish keeper and this file write it.
    return (record.wish as KeptRule).generation;
  }

  return {
    takePart,
    /** What had begun on a connection that is over is not continued on the next one. */
    reset: () => awaited.clear(),
  };
}

function continues(expected: Expected, set: PreventionSet): boolean {
  return (
    set.part === expected.next &&
    set.generation === expected.generation &&
    set.base === expected.base &&
    set.parts === expected.parts &&
    set.digest === expected.digest
  );
}

const unfitSet = Symbol("unfit set");
type Unfit = Error & { [unfitSet]: true };
const unfit = (message: string): Unfit => Object.assign(new Error(message), { [unfitSet]: true as const });
const isUnfit = (error: unknown): error is Unfit => error instanceof Error && unfitSet in error;
