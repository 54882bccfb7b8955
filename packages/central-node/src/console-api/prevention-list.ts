import type { listFields, PreventionRule as PreventionRuleReply } from "@cordon/contract/console-api";
import { sql } from "kysely";
import { describeActor } from "../audit/actor.ts";
import type { Database } from "../database/database.ts";
import { type ColumnsOf, type ListRequest, listPage } from "../database/list-query.ts";
import type { HostService } from "../hosts/host-service.ts";
import type { PreventionRule, PreventionRuleService } from "../settings/prevention-rule-service.ts";
import { actorNameSql } from "./actor-name.ts";
import { createPreventionEffects } from "./prevention-effects.ts";

export type PreventionList = ReturnType<typeof createPreventionList>;

/** Prevention rules one by one, with how far each has come, as the console shows them. */
export function createPreventionList({
  database,
  hosts,
  rules,
}: {
  database: Database;
  hosts: Pick<HostService, "list">;
  rules: Pick<PreventionRuleService, "list">;
}) {
  const { kind } = database;
  const effects = createPreventionEffects({ database });
  const of = (sensorId: string) => sql`(
    r.scope = 'all' or r.rule_id in (select rule_id from prevention_rule_hosts where sensor_id = ${sensorId.toLowerCase()}))`;
  const columns: ColumnsOf<(typeof listFields)["listPreventionRules"]> = {
    name: { kind: "text", sql: sql`r.name` },
    hash: { kind: "text", sql: sql`r.hash` },
    algorithm: {
      kind: "choice",
      sql: sql`case length(r.hash) when 32 then 'md5' else 'sha256' end`,
      choices: ["md5", "sha256"],
    },
    scope: { kind: "choice", sql: sql`r.scope`, choices: ["all", "hosts"] },
    sensorId: { kind: "choice", sql: sql`null`, matches: of },
    enabled: {
      kind: "choice",
      sql: sql`case r.enabled when 1 then 'true' else 'false' end`,
      choices: ["true", "false"],
    },
    author: { kind: "text", sql: actorNameSql(kind, "r.author") },
    createdAt: { kind: "time", sql: sql`r.created_at` },
    changedAt: { kind: "time", sql: sql`r.changed_at` },
    blocks: { kind: "number", sql: effects.blocksSql },
  };
  const source = { from: sql`prevention_rules r`, key: sql`r.rule_id`, columns, defaultSort: "-createdAt" };

  async function present(of: readonly PreventionRule[]): Promise<PreventionRuleReply[]> {
    const found = await hosts.list({ sensorIds: [...new Set(of.flatMap((rule) => rule.hosts))] });
    const names = new Map(found.map((host) => [host.sensorId, host.hostName]));
    const effectOf = await effects.read(of);
    return of.map((rule) => ({
      ruleId: rule.rule_id,
      name: rule.name,
      algorithm: rule.hash.length === 32 ? "md5" : "sha256",
      hash: rule.hash,
      scope:
        rule.scope === "all"
          ? "all"
          : rule.hosts.map((sensorId) => ({ sensorId, hostName: names.get(sensorId) ?? "" })),
      enabled: rule.enabled === 1,
      author: describeActor(JSON.parse(rule.author)),
      createdAt: rule.created_at,
      changedAt: rule.changed_at,
      ...effectOf(rule.rule_id),
      version: rule.version,
    }));
  }

  return {
    present,
    async list(request: ListRequest) {
      const { keys, ...page } = await listPage(database, source, request);
      const byId = new Map((await rules.list(keys)).map((rule) => [rule.rule_id, rule]));
      return { items: await present(keys.flatMap((ruleId) => byId.get(ruleId) ?? [])), ...page };
    },
  };
}
