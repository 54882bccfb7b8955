import type { PreventionWish } from "@cordon/response-actions";
import type { Actor } from "../audit/actor.ts";
import type { AuditLog } from "../audit/audit-log.ts";
import type { Changes } from "../changes/changes.ts";
import type { Tx } from "../database/database.ts";
import type { SettingRow } from "../database/tables.ts";
import type { Nudges } from "../hosts/nudges.ts";
import type { OrderCounts } from "../metrics/metrics.ts";
import type { PreventionRuleStore } from "./prevention-rule-store.ts";
import { type PreventionRules, type RulePlan, withoutFiles } from "./prevention-rules.ts";
import { settingStore } from "./setting-store.ts";

/** What an order is about and who gave it. `target`: a sensor ID or `all`. */
export type SettingChange = { actor: Actor; target: string; action: string; requestDigest?: string };

export type SettingOrdered = {
  enabled: 0 | 1;
  wish: unknown;
  endsAt: Date | null;
  at: Date;
  /** Of prevention: what it changes; null of everything else. */
  plan: RulePlan | null;
};

export type SettingWriter = ReturnType<typeof createSettingWriter>;

/** The one way in which a setting is written, told to agents and told to those who look. */
export function createSettingWriter({
  audit,
  nudges,
  changes,
  counts,
  checkpoint,
  rules,
  ruleStore,
}: {
  audit: AuditLog;
  nudges: Pick<Nudges, "nudge">;
  changes: Pick<Changes, "tell">;
  counts: OrderCounts;
  checkpoint: (name: string) => void;
  rules: PreventionRules;
  ruleStore: PreventionRuleStore;
}) {
  return {
    /** `ruleByRule`: who calls keeps the single rules of prevention itself; otherwise they follow the wish. */
    async write(
      tx: Tx,
      { actor, target, action, requestDigest }: SettingChange,
      { enabled, wish, endsAt, at, plan }: SettingOrdered,
      { ruleByRule }: { ruleByRule: boolean } = { ruleByRule: false },
    ): Promise<SettingRow> {
      const before = await settingStore.find(tx, target, action);
      const row: SettingRow = {
        target,
        action,
        generation: (before?.generation ?? 0) + 1,
        wish: JSON.stringify(plan === null ? wish : withoutFiles(wish as PreventionWish)),
        enabled,
        ordered_at: at.toISOString(),
        ordered_by: JSON.stringify(actor),
        ends_at: endsAt?.toISOString() ?? null,
        forgotten_at: null,
        ...(plan === null ? { digest: null, deltas_since: null } : await rules.write(tx, target, before, plan)),
      };
      await settingStore.put(tx, row);
      if (plan !== null && !ruleByRule) {
        await ruleStore.follow(tx, target, plan, { author: row.ordered_by, at: row.ordered_at });
      }
      await audit.append(tx, {
        actor,
        action: `${action}.${enabled === 1 ? "set" : "lift"}`,
        object: target,
        result: "done",
        detail: { generation: row.generation, ...(requestDigest === undefined ? {} : { requestDigest }) },
      });
      return row;
    },

    /** Once the order is committed. */
    announce({ target, action }: Pick<SettingChange, "target" | "action">): void {
      counts.ordered(action);
      checkpoint("order-stored");
      nudges.nudge({ target, about: "settings" });
      tellOfSetting(changes, { target, action });
    },
  };
}

/** Says that something about a setting is new: that it was ordered, or what came of it. */
export function tellOfSetting(
  changes: Pick<Changes, "tell">,
  { target, action }: Pick<SettingChange, "target" | "action">,
): void {
  const id = target === "all" ? undefined : target;
  changes.tell("hosts", id);
  // Rules of prevention have IDs of their own.
  if (action === "prevention") changes.tell("prevention-rules");
  else changes.tell("isolation-rules", id);
}
