import { type AgentFailureCode, describeFault, findFault, type SettingOrder } from "@cordon/contract";
import { responseActions, type SettingAction } from "@cordon/response-actions";
import type { CentralNodeEndpoint, SettingEnforcer } from "@cordon/response-actions/enforcers";
import type { Checkpoint } from "./checkpoint.ts";
import { deadlineAfter, remainingMs } from "./deadline.ts";
import type { Abilities } from "./host/abilities.ts";
import type { Clock } from "./host/clock.ts";
import type { Enforcers } from "./host/enforcers.ts";
import type { Journal } from "./journal/journal.ts";
import type { Scope, SettingRecord } from "./journal/setting-store.ts";
import { createLanes } from "./lanes.ts";
import type { LocalPolicy } from "./local-policy.ts";
import type { Logger } from "./log.ts";
import type { Outbox } from "./outbox.ts";
import { createReachabilityTrials } from "./reachability-trials.ts";
import { toSettingReport } from "./setting-report.ts";

export type DesiredState = ReturnType<typeof createDesiredState>;

type Refusal = { reason: AgentFailureCode; detail: string };
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
  const lanes = createLanes({
    work: reconcile,
    failed: (error, at) => log.error({ error, ...at }, "reconciling failed"),
  });
  const expiries = new Map<string, () => void>();
  /** What each enforcer came to at its newest call, where the journal holds a refusal instead. */
  const lastOutcomes = new Map<string, Outcome>();
  const trials = createReachabilityTrials(needs.proveReachable);
  /** When what failed may be tried again by itself, by the uptime; for actions that said so. */
  const notBeforeMs = new Map<string, number>();

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
      const { action, scope, generation } = order;
      const held = journal.settings.find(action, scope);
      const isAskedAgain = held?.endInDoubt === true && generation === held.generation;
      if (held !== null && held.lineage === lineage && generation <= held.generation && !isAskedAgain) {
        reportAgain(held);
        return;
      }
      if (held === null && findSettingAction(action) === null && countUnknown() >= maxUnknownSettings) {
        log.warn({ action, scope }, "dropped an order: it is of no known action, and so are too many others");
        return;
      }
      const refusal = findRefusal(order);
      const kept = { wish: held?.wish ?? null, deadline: held?.deadline ?? null };
      const record: SettingRecord = {
        action,
        scope,
        lineage,
        generation,
        ...(refusal === null ? { wish: order.wish, deadline: deadlineOf(order) } : kept),
        refusal,
        outcome: null,
      };
      log.info({ action, scope, generation, lifted: order.wish === null, refusal }, "setting ordered");
      if (refusal !== null) {
        settle(record, { state: "failed", ...refusal, at: now() });
        return;
      }
      journal.settings.put(record);
      checkpoint("setting-journaled");
      trials.callOff(action);
      lanes.wake({ action, scope, verifyOnly: false });
    },

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

    /** Looks whether all still holds and makes it hold again; keeps deadlines fit for a reboot. Call it every minute or so. */
    verify() {
      for (const record of journal.settings.all()) {
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

  function findRefusal({ action: name, scope, wish }: SettingOrder): Refusal | null {
    const action = findSettingAction(name);
    if (action === null)
      return { reason: "NOT_SUPPORTED", detail: `this agent knows no setting ${JSON.stringify(name)}` };
    if (!action.scopes.includes(scope)) return { reason: "INVALID_ORDER", detail: `${name} has no scope ${scope}` };
    // To lift is never refused: it takes nothing from the host's owner.
    if (wish === null) return null;
    const fault = findFault(action.wish, wish) ?? action.findFault(wish as never);
    if (fault !== null) return { reason: "INVALID_ORDER", detail: `wish: ${describeFault(fault)}` };
    if (!policy.allows({ name, kind: "setting" })) {
      return { reason: "FORBIDDEN_BY_LOCAL_POLICY", detail: `the policy file on this host does not allow ${name}` };
    }
    if (settingEnforcer(name) === null) {
      return { reason: "NOT_SUPPORTED", detail: `this agent has no way yet to enforce ${name} on this system` };
    }
    return null;
  }

  function deadlineOf(order: SettingOrder) {
    if (order.wish === null) return null;
    const lifetimeSec = findSettingAction(order.action)?.lifetimeSec(order.wish as never) ?? null;
    if (order.remainingSec === undefined && lifetimeSec === null) return null;
    // A wish never lasts longer than it says itself, whatever was sent along with it.
    const remainingSec = Math.min(order.remainingSec ?? Infinity, lifetimeSec ?? Infinity, longestLifeSec);
    return deadlineAfter(Math.round(remainingSec * 1000), clock);
  }

  async function reconcile({ action, scope, verifyOnly }: { action: string; scope: Scope; verifyOnly: boolean }) {
    const enforcer = settingEnforcer(action);
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
    } else if (verifyOnly && !succeeded(record) && clock.bootMs() < (notBeforeMs.get(action) ?? 0)) {
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

  async function enforce(
    enforcer: SettingEnforcer<object, string> | null,
    { action, scope, wish }: Pick<SettingRecord, "action" | "scope" | "wish">,
    remainingSec: number | null,
    proveReachable: ReturnType<typeof trials.begin>,
  ): Promise<Outcome> {
    const at = now;
    // Nothing that cannot be enforced is in force.
    if (enforcer === null && wish === null) return { state: "lifted", at: at() };
    if (enforcer === null) return { state: "failed", ...noEnforcer(action), at: at() };
    try {
      if (wish !== null && abilities.whyNot(action) !== null) {
        const ability = await enforcer.ability();
        if (!ability.able) return { state: "failed", reason: "NOT_SUPPORTED", detail: ability.why, at: at() };
      }
      // Names are not needed to lift, and to look them up takes time where there is no DNS.
      const reachable = wish === null ? [] : await centralNode();
      const effect = await enforcer.enforce({ scope, wish, remainingSec, centralNode: reachable, proveReachable });
      const retryAfterSec = effect.state === "failed" ? (effect.retryAfterSec ?? 0) : 0;
      notBeforeMs.set(action, clock.bootMs() + retryAfterSec * 1000);
      if (effect.state === "in-effect" && wish === null) {
        return {
          state: "failed",
          reason: "AGENT_FAULT",
          detail: `lifted, but still in force: ${effect.detail}`,
          at: at(),
        };
      }
      if (effect.state === "failed") return { state: "failed", reason: effect.reason, detail: effect.detail, at: at() };
      return effect.state === "lifted"
        ? { state: "lifted", at: at() }
        : {
            state: "in-effect",
            ...(effect.reason === undefined ? {} : { reason: effect.reason }),
            detail: effect.detail,
            at: at(),
          };
    } catch (error) {
      log.error({ error, action }, "an enforcer failed in a way that it should not");
      return { state: "failed", reason: "AGENT_FAULT", detail: String(error), at: at() };
    }
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
      const isNews =
        before === null ||
        before.state !== outcome.state ||
        before.reason !== outcome.reason ||
        // What had to be made good once more while it holds: its detail says how often.
        (outcome.state === "in-effect" && outcome.reason !== undefined && outcome.detail !== before.detail);
      // A report about a lineage that is over means nothing to anybody.
      if (isNews && record.lineage === journal.lineage()) outbox.put(toSettingReport(record, outcome));
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

  /** An action that is a setting has a setting's enforcer: the table says so, but not for a name known only at run time. */
  function settingEnforcer(name: string): SettingEnforcer<object, string> | null {
    const action = findSettingAction(name);
    if (action === null || !Object.hasOwn(enforcers, name)) return null;
    return enforcers[name as keyof Enforcers] as SettingEnforcer<object, string>;
  }

  function now(): string {
    return new Date(clock.wallMs()).toISOString();
  }
}

/** What failed is tried again: what hindered it may be over, and the Central Node must hear that. A refusal stands. */
function succeeded({ outcome, refusal }: SettingRecord): boolean {
  return outcome !== null && (outcome.state !== "failed" || refusal !== null);
}

function findSettingAction(name: string): SettingAction | null {
  if (!Object.hasOwn(responseActions, name)) return null;
  const action = responseActions[name as keyof typeof responseActions];
  return action.kind === "setting" ? action : null;
}

function noEnforcer(action: string): Refusal {
  return { reason: "NOT_SUPPORTED", detail: `this agent has no way yet to enforce ${action} on this system` };
}
