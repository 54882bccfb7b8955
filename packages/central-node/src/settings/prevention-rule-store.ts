import { randomUUID } from "node:crypto";
import { sql } from "kysely";
import type { Database, Reader, Tx } from "../database/database.ts";
import { listOf, tableOf } from "../database/json-list.ts";
import type { PreventionRuleRow } from "../database/tables.ts";
import type { RuleChange } from "./banned-file-store.ts";
import { toName } from "./prevention-rules.ts";

/** `hosts`: sensor IDs; empty where the rule is for all hosts. */
export type KeptRule = PreventionRuleRow & { hosts: string[] };
type Order = { author: string; at: string };

export type PreventionRuleStore = ReturnType<typeof createPreventionRuleStore>;

const rowsPerStatement = 5_000;

/** Single rules of prevention, enabled and disabled, with what no wish can hold of them. */
export function createPreventionRuleStore(kind: Database["kind"]) {
  async function insert(tx: Tx, rules: readonly KeptRule[]): Promise<void> {
    const columns = { rule_id: "text", hash: "text", name: "text" } as const;
    for (const some of inParts(rules)) {
      const [first] = some;
      if (first === undefined) continue;
      const { scope, enabled, author, created_at, changed_at } = first;
      const given = tableOf(
        kind,
        columns,
        some.map(({ rule_id, hash, name }) => ({ rule_id, hash, name })),
      );
      await sql`
        insert into prevention_rules (rule_id, hash, name, scope, enabled, author, created_at, changed_at, version)
        select rule_id, hash, name, ${scope}, ${sql.lit(enabled)}, ${author}, ${created_at}, ${changed_at}, 1
        from ${given} as given`.execute(tx);
      await nextTurn();
    }
    await insertHosts(
      tx,
      rules.flatMap(({ rule_id, hosts }) => hosts.map((sensor_id) => ({ rule_id, sensor_id }))),
    );
  }

  async function insertHosts(tx: Tx, rows: { rule_id: string; sensor_id: string }[]): Promise<void> {
    for (const some of inParts(rows)) {
      const given = tableOf(kind, { rule_id: "text", sensor_id: "text" }, some);
      await sql`
        insert into prevention_rule_hosts (rule_id, sensor_id)
        select rule_id, sensor_id from ${given} as given`.execute(tx);
      await nextTurn();
    }
  }

  async function remove(tx: Tx, ruleIds: readonly string[]): Promise<void> {
    for (const some of inParts(ruleIds)) {
      await tx.deleteFrom("prevention_rule_hosts").where("rule_id", "in", listOf(kind, some)).execute();
      await tx.deleteFrom("prevention_rules").where("rule_id", "in", listOf(kind, some)).execute();
      await nextTurn();
    }
  }

  async function rename(tx: Tx, renamed: { rule_id: string; name: string }[], at: string): Promise<void> {
    for (const some of inParts(renamed)) {
      const given = tableOf(kind, { rule_id: "text", name: "text" }, some);
      await sql`
        update prevention_rules set name = given.name, changed_at = ${at}, version = version + 1
        from ${given} as given where given.rule_id = prevention_rules.rule_id`.execute(tx);
      await nextTurn();
    }
  }

  /** Takes a host out of rules; a rule without any host left is gone. */
  async function takeOut(tx: Tx, sensorId: string, rules: Affected[], at: string): Promise<void> {
    const alone = rules.filter((rule) => rule.hosts === 1).map((rule) => rule.rule_id);
    const shared = rules.filter((rule) => rule.hosts > 1).map((rule) => rule.rule_id);
    await remove(tx, alone);
    for (const some of inParts(shared)) {
      await tx
        .deleteFrom("prevention_rule_hosts")
        .where("sensor_id", "=", sensorId)
        .where("rule_id", "in", listOf(kind, some))
        .execute();
      await tx
        .updateTable("prevention_rules")
        .set((eb) => ({ changed_at: at, version: eb("version", "+", 1) }))
        .where("rule_id", "in", listOf(kind, some))
        .execute();
    }
  }

  /** Enabled rules of a scope for some hashes, with the number of their hosts. */
  async function listAffected(tx: Tx, target: string, hashes: readonly string[]): Promise<Affected[]> {
    const found: Affected[] = [];
    for (const some of inParts(hashes)) {
      const { rows } =
        target === "all"
          ? await sql<Affected>`
              select rule_id, hash, 0 as hosts from prevention_rules
              where enabled = 1 and scope = 'all' and hash in ${listOf(kind, some)}`.execute(tx)
          : await sql<Affected>`
              select r.rule_id, r.hash,
                (select count(*) from prevention_rule_hosts o where o.rule_id = r.rule_id) as hosts
              from prevention_rules r join prevention_rule_hosts h on h.rule_id = r.rule_id and h.sensor_id = ${target}
              where r.enabled = 1 and r.hash in ${listOf(kind, some)}`.execute(tx);
      found.push(...rows.map((row) => ({ ...row, hosts: Number(row.hosts) })));
      await nextTurn();
    }
    return found;
  }

  async function withHosts(db: Reader | Tx, rules: PreventionRuleRow[]): Promise<KeptRule[]> {
    const ids = rules.filter((rule) => rule.scope === "hosts").map((rule) => rule.rule_id);
    if (ids.length === 0) return rules.map((rule) => ({ ...rule, hosts: [] }));
    const rows = await db
      .selectFrom("prevention_rule_hosts")
      .selectAll()
      .where("rule_id", "in", listOf(kind, ids))
      .orderBy("sensor_id")
      .execute();
    const byRule = Map.groupBy(rows, (row) => row.rule_id);
    return rules.map((rule) => ({ ...rule, hosts: (byRule.get(rule.rule_id) ?? []).map((row) => row.sensor_id) }));
  }

  return {
    insert,
    remove,

    /** What a wish that was replaced whole means for the rules of its scope. Disabled ones stay. */
    async follow(tx: Tx, target: string, { added, removed }: RuleChange, { author, at }: Order): Promise<void> {
      const names = new Map(added.map(({ hash, name }) => [hash, toShownName(toName(name))]));
      const affected = await listAffected(tx, target, removed);
      // A hash that comes back under another name is the same rule, unless other hosts have it under the old one.
      const keeps = (rule: Affected) => names.has(rule.hash) && rule.hosts <= 1;
      const renamed = affected.filter(keeps);
      await rename(
        tx,
        renamed.map(({ rule_id, hash }) => ({ rule_id, name: names.get(hash) ?? "" })),
        at,
      );
      const gone = affected.filter((rule) => !keeps(rule));
      if (target === "all")
        await remove(
          tx,
          gone.map((rule) => rule.rule_id),
        );
      else await takeOut(tx, target, gone, at);
      const kept = new Set(renamed.map((rule) => rule.hash));
      const fresh = [...names].filter(([hash]) => !kept.has(hash));
      const hosts = target === "all" ? null : [target];
      await insert(
        tx,
        newRules(
          fresh.map(([hash, name]) => ({ hash, name, enabled: true, hosts })),
          { author, at },
        ),
      );
    },

    /** A rule as it is now, in place of the one with its ID; its hosts may be others. */
    async put(tx: Tx, { hosts, ...row }: KeptRule): Promise<void> {
      await tx.updateTable("prevention_rules").set(row).where("rule_id", "=", row.rule_id).execute();
      await tx.deleteFrom("prevention_rule_hosts").where("rule_id", "=", row.rule_id).execute();
      await insertHosts(
        tx,
        hosts.map((sensor_id) => ({ rule_id: row.rule_id, sensor_id })),
      );
    },

    async list(db: Reader | Tx, ruleIds: readonly string[]): Promise<KeptRule[]> {
      const rows = await db
        .selectFrom("prevention_rules")
        .selectAll()
        .where("rule_id", "in", listOf(kind, ruleIds))
        .execute();
      return withHosts(db, rows);
    },

    /** Every rule, enabled or not, for some hashes. */
    async listByHash(db: Reader | Tx, hashes: readonly string[]): Promise<KeptRule[]> {
      const found: KeptRule[] = [];
      for (const some of inParts(hashes)) {
        const rows = await db
          .selectFrom("prevention_rules")
          .selectAll()
          .where("hash", "in", listOf(kind, some))
          .execute();
        found.push(...(await withHosts(db, rows)));
        await nextTurn();
      }
      return found;
    },

    /** The host is gone: its rules, also disabled ones, do without it. */
    async forgetHost(tx: Tx, sensorId: string, at: string): Promise<void> {
      const { rows } = await sql<Affected>`
        select h.rule_id, '' as hash,
          (select count(*) from prevention_rule_hosts o where o.rule_id = h.rule_id) as hosts
        from prevention_rule_hosts h where h.sensor_id = ${sensorId}`.execute(tx);
      await takeOut(
        tx,
        sensorId,
        rows.map((row) => ({ ...row, hosts: Number(row.hosts) })),
        at,
      );
    },
  };
}

type Affected = { rule_id: string; hash: string; hosts: number };

/** `hosts` null: all of them. */
export type NewRule = { hash: string; name: string; enabled: boolean; hosts: readonly string[] | null };

/** In the order of their hashes and of their IDs alike: rows that come in the order of the indexes cost far less. */
export function newRules(rules: readonly NewRule[], order: Order): KeptRule[] {
  const ids = rules.map(() => randomUUID()).sort();
  return rules
    .toSorted((a, b) => (a.hash < b.hash ? -1 : 1))
    .map((rule, index) => ({ ...newRule(rule, order), rule_id: ids[index] ?? randomUUID() }));
}

export function newRule({ hash, name, enabled, hosts }: NewRule, { author, at }: Order): KeptRule {
  return {
    rule_id: randomUUID(),
    hash,
    name,
    scope: hosts === null ? "all" : "hosts",
    enabled: enabled ? 1 : 0,
    author,
    created_at: at,
    changed_at: at,
    version: 1,
    hosts: hosts === null ? [] : [...hosts],
  };
}

/** PostgreSQL's text holds no NUL, and UTF-8 no half of a pair. */
export function toShownName(name: string | null): string {
  return (name ?? "").toWellFormed().replaceAll("\0", "\uFFFD");
}

function* inParts<T>(items: readonly T[]): Iterable<T[]> {
  for (let start = 0; start < items.length; start += rowsPerStatement)
    yield items.slice(start, start + rowsPerStatement);
}

/** On SQLite nothing else would run between the statements of a large import. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
