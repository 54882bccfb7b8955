import { Problem } from "@cordon/contract";
import type { BannedFile } from "@cordon/response-actions";
import type { Actor } from "../audit/actor.ts";
import type { AuditLog } from "../audit/audit-log.ts";
import type { Database, Reader, Tx } from "../database/database.ts";
import { throwIfChanged } from "../database/versions.ts";
import type { HostService } from "../hosts/host-service.ts";
import type { BannedFileStore } from "./banned-file-store.ts";
import { refuseConflicts } from "./prevention-conflict.ts";
import { type KeptRule, newRule, newRules, type PreventionRuleStore, toShownName } from "./prevention-rule-store.ts";
import { toName } from "./prevention-rules.ts";
import { createRuleEdits, type EditPlan, type RuleEdit } from "./rule-edits.ts";
import { hashesToImport } from "./rule-import.ts";
import type { SettingWriter } from "./setting-writer.ts";

/** A prevention rule as people see it. `hosts`: sensor IDs; empty where it is for all. */
export type PreventionRule = KeptRule;
/** `all`, or sensor IDs. */
export type RuleHosts = "all" | readonly string[];
export type RuleOrder = { actor: Actor; requestDigest?: string };

export type PreventionRuleService = ReturnType<typeof createPreventionRuleService>;

/** A wish of a host for each file of an import: more of them are for all hosts. */
const maxImportedWishes = 100_000;

/**
 * Prevention rule by rule. The wish of a scope stays what is ordered and what agents get: a rule that is enabled is one file
 * of the wishes of its scope, written in one transaction with them.
 */
export function createPreventionRuleService({
  database,
  audit,
  hosts,
  files,
  ruleStore,
  write,
  announce,
  now,
  maxFilesPerScope,
}: {
  database: Database;
  audit: AuditLog;
  hosts: HostService;
  files: BannedFileStore;
  ruleStore: PreventionRuleStore;
  now: () => Date;
  maxFilesPerScope: number;
} & Pick<SettingWriter, "write" | "announce">) {
  const edits = createRuleEdits({ database, files });

  /** Writes the wishes of all scopes that change, those that only lose files first: what moves must not conflict with itself. */
  async function writeWishes(tx: Tx, order: RuleOrder, plans: ReadonlyMap<string, EditPlan>): Promise<string[]> {
    const changed = [...plans].filter(([, plan]) => plan.added.length + plan.removed.length > 0);
    for (const [target, plan] of changed.sort(([, a], [, b]) => a.added.length - b.added.length)) {
      if (target !== "all") await hosts.require(tx, target);
      if (plan.files > maxFilesPerScope) {
        throw new Problem("BAD_REQUEST", { message: `at most ${maxFilesPerScope} files can be banned in one scope` });
      }
      const added = plan.added.map(({ hash, name }) => toBannedFile({ hash, name: toName(name) }));
      await refuseConflicts(tx, { hosts, files }, target, added);
      const wish = { ...plan.others, files: [] };
      const ordered = { enabled: plan.files > 0 ? (1 as const) : (0 as const), wish, endsAt: null, at: now(), plan };
      await write(tx, { ...order, target, action: "prevention" }, ordered, { ruleByRule: true });
    }
    return changed.map(([target]) => target);
  }

  async function record(tx: Tx, order: RuleOrder, verb: string, rule: KeptRule): Promise<void> {
    const { hash, scope, hosts: of, enabled } = rule;
    await audit.append(tx, {
      actor: order.actor,
      action: `prevention-rule.${verb}`,
      object: rule.rule_id,
      result: "done",
      detail: {
        hash,
        scope,
        ...(scope === "all" ? {} : { hosts: of.length }),
        enabled: enabled === 1,
        ...(order.requestDigest === undefined ? {} : { requestDigest: order.requestDigest }),
      },
    });
  }

  /** Another rule, enabled or not, that bans the file for one of the same hosts. */
  async function refuseDouble(tx: Tx, rule: KeptRule): Promise<void> {
    const others = (await ruleStore.listByHash(tx, [rule.hash])).filter((other) => other.rule_id !== rule.rule_id);
    const double = others.find(
      (other) =>
        other.scope === rule.scope && (rule.scope === "all" || other.hosts.some((host) => rule.hosts.includes(host))),
    );
    if (double === undefined) return;
    throw new Problem("CONFLICT", {
      message:
        double.enabled === 1
          ? "a rule bans this file there already: change that one"
          : "a disabled rule is there for this file already: enable that one",
      ruleId: double.rule_id,
    });
  }

  async function requireRule(db: Reader | Tx, ruleId: string): Promise<KeptRule> {
    const [rule] = await ruleStore.list(db, [ruleId]);
    if (rule === undefined) throw new Problem("NOT_FOUND", { message: `there is no prevention rule ${ruleId}` });
    return rule;
  }

  /** Makes a rule another one, or deletes several: whatever of it agents must know is ordered with it. */
  async function replace<T>(
    prepare: (db: Reader | Tx) => Promise<{ before: KeptRule[]; after: KeptRule[]; finish(tx: Tx): Promise<T> }>,
    order: RuleOrder,
  ): Promise<T> {
    const { result, targets } = await edits.orderInTurn(async (db) => {
      const { before, after, finish } = await prepare(db);
      return {
        edits: editsOf(before, after),
        isCurrent: async (tx) => {
          const current = await ruleStore.list(
            tx,
            before.map((rule) => rule.rule_id),
          );
          const versions = new Map(current.map((rule) => [rule.rule_id, rule.version]));
          return before.every((rule) => versions.get(rule.rule_id) === rule.version);
        },
        async order(tx, plans) {
          for (const rule of after)
            if (rule.scope === "hosts") for (const host of rule.hosts) await hosts.require(tx, host);
          const result = await finish(tx);
          return { result, targets: await writeWishes(tx, order, plans) };
        },
      };
    });
    for (const target of targets) announce({ target, action: "prevention" });
    return result;
  }

  return {
    get: (ruleId: string): Promise<PreventionRule> => requireRule(database.read, ruleId),
    list: (ruleIds: readonly string[]): Promise<PreventionRule[]> => ruleStore.list(database.read, ruleIds),

    /** Throws CONFLICT where a rule bans it for one of the hosts already, RULE_CONFLICT across scopes, NOT_FOUND for an unknown host. */
    create(
      order: RuleOrder,
      { name, hash, scope, enabled }: { name: string; hash: string; scope: RuleHosts; enabled: boolean },
    ): Promise<PreventionRule> {
      const rule = newRule(
        { name: toShownName(name), hash: hash.toLowerCase(), enabled, hosts: hostsOf(scope) },
        { author: JSON.stringify(order.actor), at: now().toISOString() },
      );
      const finish = async (tx: Tx) => {
        await refuseDouble(tx, rule);
        await ruleStore.insert(tx, [rule]);
        await record(tx, order, "create", rule);
        return rule;
      };
      return replace(async () => ({ before: [], after: [rule], finish }), order);
    },

    /** Throws PRECONDITION_FAILED where the rule has another version by now. */
    change(
      order: RuleOrder,
      ruleId: string,
      { name, scope, enabled }: { name?: string; scope?: RuleHosts; enabled?: boolean },
      ifVersion: number,
    ): Promise<PreventionRule> {
      return replace(async (db) => {
        const before = await requireRule(db, ruleId);
        throwIfChanged(before.version, ifVersion);
        const after: KeptRule = {
          ...before,
          ...(name === undefined ? {} : { name: toShownName(name) }),
          ...(scope === undefined ? {} : { scope: scope === "all" ? "all" : "hosts", hosts: hostsOf(scope) ?? [] }),
          ...(enabled === undefined ? {} : { enabled: enabled ? 1 : 0 }),
          changed_at: now().toISOString(),
          version: before.version + 1,
        };
        const finish = async (tx: Tx) => {
          await refuseDouble(tx, after);
          await ruleStore.put(tx, after);
          await record(tx, order, "change", after);
          return after;
        };
        return { before: [before], after: [after], finish };
      }, order);
    },

    /** Returns the IDs of those that there were. */
    delete(order: RuleOrder, ruleIds: readonly string[]): Promise<string[]> {
      return replace(async (db) => {
        const before = await ruleStore.list(db, ruleIds);
        const finish = async (tx: Tx) => {
          await ruleStore.remove(
            tx,
            before.map((rule) => rule.rule_id),
          );
          for (const rule of before) await record(tx, order, "delete", rule);
          return before.map((rule) => rule.rule_id);
        };
        return { before, after: [], finish };
      }, order);
    },

    /** Which files of a list are new in a scope, known there, or in conflict with another scope; changes nothing. */
    sortOut: async (scope: RuleHosts, hashes: readonly string[]) =>
      hashesToImport(await ruleStore.listByHash(database.read, hashes), hostsOf(scope)),

    /** Bans those of the files that are new in the scope, in one order a scope. Returns how many. */
    import(order: RuleOrder, scope: RuleHosts, listed: readonly BannedFile[]): Promise<number> {
      const targets = hostsOf(scope) ?? ["all"];
      if (targets.length * listed.length > maxImportedWishes && scope !== "all") {
        throw new Problem("BAD_REQUEST", {
          message: `${listed.length} files for ${targets.length} hosts are too many: import them for all hosts, or for fewer`,
        });
      }
      return replace(async (db) => {
        const author = { author: JSON.stringify(order.actor), at: now().toISOString() };
        const known = await ruleStore.listByHash(
          db,
          listed.map((file) => file.hash),
        );
        const verdicts = hashesToImport(known, hostsOf(scope));
        const fresh = listed.flatMap((file) => {
          const verdict = verdicts(file.hash);
          if (verdict.verdict !== "new") return [];
          return [{ hash: file.hash, name: toShownName(file.name), enabled: true, hosts: verdict.hosts }];
        });
        const after = newRules(fresh, author);
        const finish = async (tx: Tx) => {
          await ruleStore.insert(tx, after);
          await audit.append(tx, {
            actor: order.actor,
            action: "prevention-rule.import",
            object: scope === "all" ? "all" : targets.length === 1 ? (targets[0] ?? "") : `${targets.length} hosts`,
            result: "done",
            detail: {
              rules: after.length,
              ...(order.requestDigest === undefined ? {} : { requestDigest: order.requestDigest }),
            },
          });
          return after.length;
        };
        return { before: [], after, finish };
      }, order);
    },
  };
}

/** The difference that rules make in the wishes of their scopes, as `before` gives way to `after`. */
function editsOf(before: readonly KeptRule[], after: readonly KeptRule[]): Map<string, RuleEdit> {
  const edits = new Map<string, RuleEdit>();
  const of = (target: string) => {
    const edit = edits.get(target) ?? { add: [], remove: [] };
    edits.set(target, edit);
    return edit;
  };
  const added = new Set<string>();
  for (const rule of after) {
    for (const target of targetsOf(rule)) {
      of(target).add.push(toBannedFile({ hash: rule.hash, name: rule.name }));
      added.add(`${target} ${rule.hash}`);
    }
  }
  for (const rule of before) {
    for (const target of targetsOf(rule)) if (!added.has(`${target} ${rule.hash}`)) of(target).remove.push(rule.hash);
  }
  return edits;
}

/** The scopes whose wish has the rule's file. */
function targetsOf(rule: KeptRule): string[] {
  if (rule.enabled === 0) return [];
  return rule.scope === "all" ? ["all"] : rule.hosts;
}

function hostsOf(scope: RuleHosts): string[] | null {
  return scope === "all" ? null : [...new Set(scope.map((sensorId) => sensorId.toLowerCase()))];
}

function toBannedFile({ hash, name }: { hash: string; name: string | null }): BannedFile {
  return { algorithm: hash.length === 32 ? "md5" : "sha256", hash, name: name === "" ? null : name };
}
