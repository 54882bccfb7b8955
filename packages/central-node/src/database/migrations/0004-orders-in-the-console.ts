import { randomUUID } from "node:crypto";
import { type Kysely, sql } from "kysely";
import type { Migration } from "./migration.ts";

/**
 * What the console shows and the wishes cannot hold: single prevention rules with their authors, isolation rules that
 * somebody has done with, what a program has printed so far. And indexes for its lists.
 */
export const ordersInTheConsole: Migration = {
  name: "0004-orders-in-the-console",
  async up(db: Kysely<unknown>) {
    for (const statement of statements) await sql.raw(statement).execute(db);
    for (let after: Pick<File, "target" | "hash"> | null = { target: "", hash: "" }; after !== null; ) {
      after = await addRules(db, after);
    }
  },
};

const statements = [
  `create table prevention_rules (
    rule_id text primary key, hash text not null, name text not null, scope text not null, enabled integer not null,
    author text not null, created_at text not null, changed_at text not null, version integer not null)`,
  "create index prevention_rules_by_hash on prevention_rules (hash)",
  "create index prevention_rules_by_time on prevention_rules (created_at, rule_id)",
  "create table prevention_rule_hosts (rule_id text not null, sensor_id text not null, primary key (rule_id, sensor_id))",
  "create index prevention_rule_hosts_by_host on prevention_rule_hosts (sensor_id)",
  `create table task_outputs (
    task_id text primary key, stdout text not null, stderr text not null, stdout_truncated integer not null,
    stderr_truncated integer not null, received_at text not null)`,
  "alter table settings add column forgotten_at text",
  "create index setting_reports_by_time on setting_reports (received_at)",
  "create index tasks_by_time on tasks (created_at, task_id) where deleted_at is null",
  "create index tasks_by_host on tasks (sensor_id)",
  "create index tasks_by_end on tasks (finished_at) where finished_at is not null",
  "create index tasks_by_state on tasks (state) where deleted_at is null",
  "create index block_counts_by_hash on block_counts (hash)",
  "create index block_hours_by_hour on block_hours (hour)",
  "create index audit_log_by_object on audit_log (object)",
  "create index audit_log_by_time on audit_log (at)",
];

type File = { target: string; hash: string; name: string | null; ordered_by: string; ordered_at: string };

const filesPerStatement = 1000;

/** Each file that is banned becomes a rule of whoever ordered its scope last. Returns where to go on, or null. */
async function addRules(db: Kysely<unknown>, after: Pick<File, "target" | "hash">): Promise<File | null> {
  const { rows } = await sql<File>`
    select f.target, f.hash, f.name, s.ordered_by, s.ordered_at
    from banned_files f join settings s on s.target = f.target and s.action = 'prevention'
    where f.until_generation is null and (f.target, f.hash) > (${after.target}, ${after.hash})
    order by f.target, f.hash limit ${sql.lit(filesPerStatement)}`.execute(db);
  if (rows.length === 0) return null;
  const rules = rows.map((row) => ({ ...row, ruleId: randomUUID() }));
  const values = rules.map(({ ruleId, target, hash, name, ordered_by, ordered_at }) => {
    const shown = name === null ? "" : JSON.parse(name).toWellFormed().replaceAll("\0", "\uFFFD");
    const scope = target === "all" ? "all" : "hosts";
    return sql`(${ruleId}, ${hash}, ${shown}, ${scope}, 1, ${ordered_by}, ${ordered_at}, ${ordered_at}, 1)`;
  });
  await sql`
    insert into prevention_rules (rule_id, hash, name, scope, enabled, author, created_at, changed_at, version)
    values ${sql.join(values)}`.execute(db);
  const hosts = rules.filter(({ target }) => target !== "all").map((rule) => sql`(${rule.ruleId}, ${rule.target})`);
  if (hosts.length > 0) {
    await sql`insert into prevention_rule_hosts (rule_id, sensor_id) values ${sql.join(hosts)}`.execute(db);
  }
  return rows.at(-1) ?? null;
}
