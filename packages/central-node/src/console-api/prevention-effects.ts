import { sql } from "kysely";
import type { Database } from "../database/database.ts";
import { listOf } from "../database/json-list.ts";
import type { PreventionRule } from "../settings/prevention-rule-service.ts";

export type PreventionEffect = { inEffectOn: number; ofHosts: number; refusedOn: number; blocks: number };

type Scoped = { rule_id: string; in_effect: number; of_hosts: number };
type Refusal = { sensor_id: string; scope: "host" | "all"; generation: number; refused: string };

/** On how many hosts each rule holds, by what these have reported of the wishes that it is in. */
export function createPreventionEffects({ database: { kind, read } }: { database: Database }) {
  /** The file `f` is in the wish that the report `p` is about: at most one of a hash's rows is. */
  const isBannedThere = sql`
    p.generation >= f.since_generation and (f.until_generation is null or p.generation < f.until_generation)`;

  async function ofHostRules(ruleIds: readonly string[]): Promise<Scoped[]> {
    const { rows } = await sql<Scoped>`
      select r.rule_id, count(*) as of_hosts, count(f.hash) as in_effect
      from prevention_rules r join prevention_rule_hosts o on o.rule_id = r.rule_id
      left join setting_reports p
        on p.sensor_id = o.sensor_id and p.action = 'prevention' and p.scope = 'host' and p.state = 'in-effect'
      left join banned_files f on f.target = o.sensor_id and f.hash = r.hash and ${isBannedThere}
      where r.rule_id in ${listOf(kind, ruleIds)} group by r.rule_id`.execute(read);
    return rows;
  }

  /** The hosts are counted once for each generation that any of them has, not once for each rule. */
  async function ofRulesOfAll(ruleIds: readonly string[]): Promise<Scoped[]> {
    const hosts = await sql<{ n: number }>`select count(*) as n from hosts`.execute(read);
    // Joined crosswise: SQLite then takes the tables in this order, from the few rules on, and PostgreSQL as it sees fit.
    const { rows } = await sql<Scoped>`
      select r.rule_id, sum(p.hosts) as in_effect
      from prevention_rules r cross join banned_files f cross join (
        select generation, count(*) as hosts from setting_reports
        where action = 'prevention' and scope = 'all' and state = 'in-effect' group by generation
      ) as p
      where r.rule_id in ${listOf(kind, ruleIds)} and f.target = 'all' and f.hash = r.hash and ${isBannedThere}
      group by r.rule_id`.execute(read);
    const inEffect = new Map(rows.map((row) => [row.rule_id, Number(row.in_effect)]));
    const ofHosts = Number(hosts.rows[0]?.n ?? 0);
    return ruleIds.map((ruleId) => ({ rule_id: ruleId, in_effect: inEffect.get(ruleId) ?? 0, of_hosts: ofHosts }));
  }

  const blocksSql = sql<number>`(
    select coalesce(sum(b.blocks), 0) from block_counts b
    where b.hash = r.hash and b.scope = case r.scope when 'all' then 'all' else 'host' end
      and (r.scope = 'all' or b.sensor_id in (select sensor_id from prevention_rule_hosts where rule_id = r.rule_id)))`;

  async function countBlocks(ruleIds: readonly string[]): Promise<Map<string, number>> {
    const { rows } = await sql<{ rule_id: string; blocks: number }>`
      select r.rule_id, ${blocksSql} as blocks from prevention_rules r
      where r.rule_id in ${listOf(kind, ruleIds)}`.execute(read);
    return new Map(rows.map((row) => [row.rule_id, Number(row.blocks)]));
  }

  /** Hosts that refuse a file, by `scope hash`. A host names the first 100 of those that it refuses. */
  async function listRefusals(): Promise<Map<string, string[]>> {
    const { rows } = await sql<Refusal>`
      select sensor_id, scope, generation, refused from setting_reports
      where action = 'prevention' and state = 'in-effect' and refused is not null`.execute(read);
    const hosts = new Map<string, string[]>();
    for (const { sensor_id, scope, refused } of rows) {
      for (const { part } of JSON.parse(refused) as { part: string }[]) {
        const of = hosts.get(`${scope} ${part}`) ?? [];
        of.push(sensor_id);
        hosts.set(`${scope} ${part}`, of);
      }
    }
    return hosts;
  }

  return {
    /** Of a rule in a query where it is `r`. */
    blocksSql,

    async read(rules: readonly PreventionRule[]): Promise<(ruleId: string) => PreventionEffect> {
      const idsOf = (scope: PreventionRule["scope"]) =>
        rules.filter((rule) => rule.scope === scope).map((rule) => rule.rule_id);
      const [host, all, blocks, refusals] = await Promise.all([
        ofHostRules(idsOf("hosts")),
        idsOf("all").length === 0 ? [] : ofRulesOfAll(idsOf("all")),
        countBlocks(rules.map((rule) => rule.rule_id)),
        listRefusals(),
      ]);
      const scoped = new Map([...host, ...all].map((row) => [row.rule_id, row]));
      const effects = new Map(
        rules.map((rule): [string, PreventionEffect] => {
          const refusing = refusals.get(`${rule.scope === "all" ? "all" : "host"} ${rule.hash}`) ?? [];
          const refusedOn =
            rule.enabled === 0
              ? 0
              : refusing.filter((host) => rule.scope === "all" || rule.hosts.includes(host)).length;
          const { in_effect = 0, of_hosts = 0 } = scoped.get(rule.rule_id) ?? {};
          return [
            rule.rule_id,
            {
              inEffectOn: Math.max(0, Number(in_effect) - refusedOn),
              ofHosts: Number(of_hosts),
              refusedOn,
              blocks: blocks.get(rule.rule_id) ?? 0,
            },
          ];
        }),
      );
      return (ruleId) => effects.get(ruleId) ?? { inEffectOn: 0, ofHosts: 0, refusedOn: 0, blocks: 0 };
    },
  };
}
