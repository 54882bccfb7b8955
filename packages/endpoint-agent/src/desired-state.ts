import type { SettingOrder } from "@cordon/contract";
import type { CentralNodeEndpoint, SettingEnforcer } from "@cordon/response-actions/enforcers";
import type { Checkpoint } from "./checkpoint.ts";
import { deadlineAfter, remainingMs } from "./deadline.ts";
import { createEnforcement } from "./enforcement.ts";
import type { Abilities } from "./host/abilities.ts";
import type { Clock } from "./host/clock.ts";
import type { Enforcers } from "./host/enforcers.ts";
import type { Journal } from "./journal/journal.ts";
import type { Scope, SettingRecord } from "./journal/setting-store.ts";
import { createLanes } from "./lanes.ts";
import type { LocalPolicy } from "./local-policy.ts";
import type { Logger } from "./log.ts";
import { createOrderCheck, findSettingAction, type Refusal } from "./order-check.ts";
import type { Outbox } from "./outbox.ts";
import { createReachabilityTrials } from "./reachability-trials.ts";
import { isNews, toSettingReport } from "./setting-report.ts";
import { createWishKeeper } from "./wish-keeper.ts";

export type DesiredState = ReturnType<typeof createDesiredState>;

type Head = Pick<SettingOrder, "action" | "scope" | "generation">;
type Outcome = NonNullable<SettingRecord["outcome"]>;

/** A hello can name 64: the others are for the settings that this agent knows. */
const maxUnknownSettings = 32;
/** A hundred years: keeps arithmetic exact whatever a Central Node sends. */
const longestLifeSec = 3_155_760_000;

/** Holds the host to the newest wish of each setting: journal first, then the enforcer, then what was read back is reported. */
export function createDesiredState(needs: {
  journal: Journal;
  outbox: Outbox;
  enforcers: Enforcers;
  abilities: Abilities;
  policy: LocalPolicy;
  /** Where the Central Node is, with its names resolved as of now or, where that fails, as last known. */
  centralNode(): Promise<CentralNodeEndpoint[]>;
  /** Whether the Central Node answers on a round trip that begins now. */
  proveReachable(withinMs: number): Promise<boolean>;
  clock: Clock;
  log: Logger;
  checkpoint: Checkpoint;
}) {
  const { journal, outbox, enforcers, abilities, policy, centralNode, clock, log, checkpoint } = needs;
  const wishes = createWishKeeper(journal);
  const check = createOrderCheck({ policy, enforcers });
  const lanes = createLanes({
    work: reconcile,
    failed: (error, at) => log.error({ error, ...at }, "reconciling failed"),
  });
  const expiries = new Map<string, () => void>();
  /** What each enforcer came to at its newest call, where the journal holds a refusal instead. */
  const lastOutcomes = new Map<string, Outcome>();
  const trials = createReachabilityTrials(needs.proveReachable);
  const { enforce, isTooEarly } = createEnforcement({ abilities, centralNode, wishes, clock, log });

  return {
    /** Makes everything in the journal true again, with what remains of its time. */
    resume() {
      for (const record of journal.settings.all()) {
        const { action, scope, deadline } = record;
        if (deadline !== null && deadline.bootId !== clock.bootId)
          journal.settings.put({ ...record, endInDoubt: true });
        lanes.wake({ action, scope, verifyOnly: false });
      }
    },

    take(order: SettingOrder, lineage: string) {
      checkpoint("setting-received");
      if (!admits(order, lineage)) return;
      const refusal = check.findRefusal(order, { inParts: false });
      if (refusal !== null) refuse(order, lineage, refusal);
      else takeKept(order, lineage, () => wishes.keep(order));
    },

    /** For a wish that comes in parts, asked at the first of them: false where the order is answered already. */
    expects(order: Pick<SettingOrder, "action" | "scope" | "generation">, lineage: string): boolean {
      checkpoint("setting-received");
      if (!admits(order, lineage)) return false;
      const refusal = check.findRefusal({ ...order, wish: {} }, { inParts: true });
      if (refusal !== null) refuse(order, lineage, refusal);
      return refusal === null;
    },
    takeKept,
    refuse,

    /** Break-glass: lifts what is in force here until the Central Node orders something newer. Resolves when lifted. */
    async releaseLocally(action: "network-isolation"): Promise<Outcome> {
      const held = journal.settings.find(action, "host");
      if (held?.wish != null) {
        const detail = "released by a person with root rights on the host";
        // Not asked for again at the next contact: a person has decided.
        const { endInDoubt: _, ...beyondDoubt } = held;
        journal.settings.put({
          ...beyondDoubt,
          wish: null,
          deadline: null,
          refusal: { reason: "RELEASED_LOCALLY", detail },
          outcome: null,
        });
      }
      log.warn({ action, generation: held?.generation ?? null }, "released locally");
      trials.callOff(action);
      lanes.wake({ action, scope: "host", verifyOnly: false });
      await lanes.idle(action);
      return lastOutcomes.get(action) ?? { state: "lifted", at: now() };
    },

    /**
     * Looks whether all still holds, or what one action ordered, and makes it hold again; keeps deadlines fit for a reboot.
     * Call it every minute or so.
     */
    verify(action?: string) {
      for (const record of journal.settings.all()) {
        if (action !== undefined && record.action !== action) continue;
        if (record.wish !== null && record.deadline !== null) {
          const left = remainingMs(record.deadline, clock);
          if (left > 0) journal.settings.put({ ...record, deadline: deadlineAfter(left, clock) });
        }
        lanes.wake({ action: record.action, scope: record.scope, verifyOnly: true });
      }
    },

    /** Work with an enforcer that must not overlap with what is done here. */
    exclusively: lanes.exclusively,
    idle: () => lanes.idle(),

    /** Ends the enforcers' helpers once their calls have ended. What is in force stays. */
    async close() {
      for (const callOff of expiries.values()) callOff();
      expiries.clear();
      const closed = lanes.close();
      trials.close();
      await closed;
    },
  };

  function countUnknown(): number {
    return journal.settings.all().filter((record) => findSettingAction(record.action) === null).length;
  }

  /** Reports whether an order is news; where not, how it is was reported again. */
  function admits({ action, scope, generation }: Head, lineage: string): boolean {
    const held = journal.settings.find(action, scope);
    const isAskedAgain = held?.endInDoubt === true && generation === held.generation;
    if (held !== null && held.lineage === lineage && generation <= held.generation && !isAskedAgain) {
      reportAgain(held);
      return false;
    }
    if (held === null && findSettingAction(action) === null && countUnknown() >= maxUnknownSettings) {
      log.warn({ action, scope }, "dropped an order: it is of no known action, and so are too many others");
      return false;
    }
    return true;
  }

  /** `keep` writes what the record does not hold, in the same transaction, and returns the record's wish. */
  function takeKept(
    order: Head & Pick<SettingOrder, "wish" | "remainingSec">,
    lineage: string,
    keep: () => object | null,
  ) {
    const { action, scope, generation } = order;
    const deadline = deadlineOf(order);
    journal.transaction(() => {
      const record = { action, scope, lineage, generation, deadline, refusal: null, outcome: null };
      journal.settings.put({ ...record, wish: keep() });
    });
    log.info({ action, scope, generation, lifted: order.wish === null }, "setting ordered");
    checkpoint("setting-journaled");
    trials.callOff(action);
    lanes.wake({ action, scope, verifyOnly: false });
  }

  /** What was in force stays, and the order is answered. */
  function refuse({ action, scope, generation }: Head, lineage: string, refusal: Refusal) {
    const held = journal.settings.find(action, scope);
    const kept = { wish: held?.wish ?? null, deadline: held?.deadline ?? null };
    log.info({ action, scope, generation, refusal }, "setting refused");
    const record = { action, scope, lineage, generation, ...kept, refusal, outcome: null };
    settle(record, { state: "failed", ...refusal, at: now() });
  }

  function deadlineOf(order: Pick<SettingOrder, "action" | "wish" | "remainingSec">) {
    if (order.wish === null) return null;
    const lifetimeSec = findSettingAction(order.action)?.lifetimeSec(order.wish as never) ?? null;
    if (order.remainingSec === undefined && lifetimeSec === null) return null;
    // A wish never lasts longer than it says itself, whatever was sent along with it.
    const remainingSec = Math.min(order.remainingSec ?? Infinity, lifetimeSec ?? Infinity, longestLifeSec);
    return deadlineAfter(Math.round(remainingSec * 1000), clock);
  }

  async function reconcile({ action, scope, verifyOnly }: { action: string; scope: Scope; verifyOnly: boolean }) {
    const enforcer = check.settingEnforcer(action);
    // In the same turn as the record is read: whatever is ordered from now on calls this off.
    const proveReachable = trials.begin(action);
    let record = journal.settings.find(action, scope);
    if (record === null) {
      // Only a local release comes here without an order ever having come.
      lastOutcomes.set(action, await enforce(enforcer, { action, scope, wish: null }, null, proveReachable));
      return;
    }
    const left = record.deadline === null ? null : remainingMs(record.deadline, clock);
    if (record.wish !== null && left !== null && left <= 0) {
      record = { ...record, wish: null, deadline: null };
      // Written down first, so that no clock set back later can bring it to life again.
      journal.settings.put(record);
      // The boot holds it for a few minutes in case the clock is wrong. The Central Node is asked as soon as there is one;
      // without its answer the next look lifts, or the system's own timer before that.
      if (record.endInDoubt === true && (await enforcer?.readBack(scope))?.state === "in-effect") return;
    } else if (verifyOnly && !succeeded(record) && isTooEarly(action)) {
      return;
    } else if (verifyOnly && succeeded(record) && (await stillHolds(enforcer, record))) {
      return;
    }
    const remainingSec = record.wish === null || left === null ? null : left / 1000;
    const effect = await enforce(enforcer, record, remainingSec, proveReachable);
    lastOutcomes.set(action, effect);
    if (enforcer !== null) checkpoint("setting-enforced");

    const newest = journal.settings.find(action, scope);
    // Something newer came while this ran; its own turn follows and reports.
    if (newest === null || lanes.isWaiting(action, scope)) return;
    // Most likely called off by the agent's own end: the next start tries it again, and says what came of it.
    if (effect.state === "failed" && lanes.closed()) return;
    settle(newest, newest.refusal === null ? effect : { state: "failed", ...newest.refusal, at: now() });
    scheduleExpiry(newest);
  }

  async function stillHolds(enforcer: SettingEnforcer<object, string> | null, record: SettingRecord): Promise<boolean> {
    if (enforcer === null) return true;
    const effect = await enforcer.readBack(record.scope);
    if (effect.state === (record.wish === null ? "lifted" : "in-effect")) return true;
    log.warn({ action: record.action, found: effect }, "what was ordered no longer holds; enforcing it again");
    return false;
  }

  function settle(record: SettingRecord, outcome: Outcome) {
    const before = record.outcome;
    journal.transaction(() => {
      journal.settings.put({ ...record, outcome });
      // A report about a lineage that is over means nothing to anybody.
      if (isNews(before, outcome) && record.lineage === journal.lineage()) outbox.put(toSettingReport(record, outcome));
    });
    outbox.announce();
  }

  function reportAgain(record: SettingRecord) {
    const subject = { type: "setting-report" as const, action: record.action, scope: record.scope };
    // Without an outcome it is being worked on, and its report follows by itself.
    if (record.outcome === null || journal.spool.has(subject)) return;
    outbox.put(toSettingReport(record, record.outcome));
    outbox.announce();
  }

  function scheduleExpiry({ action, scope, wish, deadline }: SettingRecord) {
    const key = `${action} ${scope}`;
    expiries.get(key)?.();
    expiries.delete(key);
    if (wish === null || deadline === null || lanes.closed()) return;
    expiries.set(
      key,
      clock.after(remainingMs(deadline, clock), () => {
        expiries.delete(key);
        const record = journal.settings.find(action, scope);
        // Timers are bounded, and may run on another clock than the deadline: it may be too early.
        if (record?.deadline != null && remainingMs(record.deadline, clock) > 0) scheduleExpiry(record);
        else lanes.wake({ action, scope, verifyOnly: false });
      }),
    );
  }

  function now(): string {
    return new Date(clock.wallMs()).toISOString();
  }
}

/** What failed is tried again: what hindered it may be over, and the Central Node must hear that. A refusal stands. */
function succeeded({ outcome, refusal }: SettingRecord): boolean {
  return outcome !== null && (outcome.state !== "failed" || refusal !== null);
}
