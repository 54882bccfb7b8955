import type { Actor } from "../audit/actor.ts";
import type { AuditLog } from "../audit/audit-log.ts";

/** Why a stranger was sent away. */
export type StrangerReason = "no-certificate" | "not-accepted" | "too-many-pending";
type KnownRefusal = { actor: Actor; reason: string };

const knownIntervalMs = 60_000;
const strangersIntervalMs = 3_600_000;

/**
 * Refusals, kept so that nobody can fill the disk: a known system's go to the audit log, the first at once and then at
 * most one entry a minute that says how many; strangers' are counted and summed up in one entry an hour.
 */
export function createRefusalCounts({ audit, now }: { audit: AuditLog; now: () => Date }) {
  const known = new Map<string, KnownRefusal & { count: number; auditedAtMs: number }>();
  const strangers: Record<StrangerReason, number> = { "no-certificate": 0, "not-accepted": 0, "too-many-pending": 0 };
  let summedUp = { ...strangers };
  let summedUpAtMs = now().getTime();

  function auditKnown({ actor, reason }: KnownRefusal, count: number): Promise<void> {
    return audit.record({
      actor,
      action: "external-system.refused",
      object: actor.id,
      result: "UNAUTHORIZED",
      detail: { reason, count },
    });
  }

  async function sumUpStrangers(): Promise<void> {
    const since = Object.entries(strangers).map(([reason, count]) => [
      reason,
      count - summedUp[reason as StrangerReason],
    ]);
    summedUp = { ...strangers };
    summedUpAtMs = now().getTime();
    if (since.every(([, count]) => count === 0)) return;
    await audit.record({
      actor: { kind: "central-node", id: "central-node", address: null, fingerprint: null },
      action: "external-system.strangers-refused",
      object: "strangers",
      result: "UNAUTHORIZED",
      detail: Object.fromEntries(since),
    });
  }

  return {
    countStranger(reason: StrangerReason): void {
      strangers[reason] += 1;
    },

    /** `key` names what is bounded together; there must be no more keys than rows in the database. */
    async countKnown(key: string, refusal: KnownRefusal): Promise<void> {
      const counted = known.get(key);
      if (counted !== undefined) {
        counted.count += 1;
        counted.actor = refusal.actor;
        return;
      }
      known.set(key, { ...refusal, count: 0, auditedAtMs: now().getTime() });
      await auditKnown(refusal, 1);
    },

    /** Writes what is due; with `everything` also what is not yet, as the node goes down. */
    async flush({ everything = false } = {}): Promise<void> {
      const atMs = now().getTime();
      for (const [key, counted] of known) {
        if (!everything && atMs - counted.auditedAtMs < knownIntervalMs) continue;
        const { count } = counted;
        if (count === 0) {
          known.delete(key);
          continue;
        }
        counted.count = 0;
        counted.auditedAtMs = atMs;
        await auditKnown(counted, count);
      }
      if (everything || atMs - summedUpAtMs >= strangersIntervalMs) await sumUpStrangers();
    },

    /** Strangers refused since the start, by reason. */
    strangers: (): Readonly<Record<StrangerReason, number>> => strangers,
  };
}
