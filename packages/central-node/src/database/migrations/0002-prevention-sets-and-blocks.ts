import { createHash } from "node:crypto";
import { type Kysely, sql } from "kysely";
import type { Migration } from "./migration.ts";

/**
 * The files of a prevention rule become rows with the generations in which they were in it, so that a change writes, and
 * tells agents, only what it changes. Blocks get a place to be kept.
 */
export const preventionSetsAndBlocks: Migration = {
  name: "0002-prevention-sets-and-blocks",
  async up(db: Kysely<unknown>) {
    for (const statement of statements) await sql.raw(statement).execute(db);
    const rules = await sql<Rule>`select target, generation, enabled, wish from settings where action = 'prevention'`
      .execute(db)
      .then(({ rows }) => rows);
    for (const rule of rules) await moveFiles(db, rule);
    await sql`drop table banned_hashes`.execute(db);
  },
};

const statements = [
  `create table banned_files (
    target text not null, hash text not null, name text, position integer not null, since_generation integer not null,
    until_generation integer, primary key (target, hash, since_generation))`,
  "create index banned_files_by_hash on banned_files (hash) where until_generation is null",
  "create index banned_files_by_generation on banned_files (target, since_generation)",
  "create index banned_files_ended on banned_files (target, until_generation) where until_generation is not null",
  "alter table settings add column digest text",
  "alter table settings add column deltas_since integer",
  "alter table setting_reports add column refused text",
  "alter table setting_reports add column refused_count integer",
  `create table block_events (
    sensor_id text not null, event_id text not null, at text not null, received_at text not null, kind text not null,
    path text not null, hash text not null, scope text not null, rule_name text, file_sha256 text, user_id bigint,
    user_name text, processes text not null, blocks bigint not null, primary key (sensor_id, event_id))`,
  "create index block_events_by_time on block_events (received_at)",
  `create table block_counts (
    hash text not null, scope text not null, sensor_id text not null, blocks bigint not null, first_at text not null,
    last_at text not null, primary key (sensor_id, scope, hash))`,
  `create table block_hours (
    sensor_id text not null, scope text not null, hour text not null, blocks bigint not null,
    primary key (sensor_id, scope, hour))`,
  `create table block_losses (
    sensor_id text primary key, journal_id text not null, lost bigint not null, lost_before bigint not null)`,
];

type Rule = { target: string; generation: number; enabled: number; wish: string };

const filesPerStatement = 1000;

async function moveFiles(db: Kysely<unknown>, { target, generation, enabled, wish }: Rule): Promise<void> {
  const { files, ...others } = JSON.parse(wish) as { files: { hash: string; name: string | null }[] };
  const kept = enabled === 1 ? files : [];
  for (let start = 0; start < kept.length; start += filesPerStatement) {
    const rows = kept
      .slice(start, start + filesPerStatement)
      .map(
        ({ hash, name }, index) =>
          sql`(${target}, ${hash}, ${name === null ? null : JSON.stringify(name)}, ${start + index}, ${generation})`,
      );
    await sql`insert into banned_files (target, hash, name, position, since_generation) values ${sql.join(rows)}`.execute(
      db,
    );
  }
  const digest = createHash("sha256");
  for (const { hash, name } of kept.toSorted((a, b) => (a.hash < b.hash ? -1 : 1)))
    digest.update(`${hash} ${JSON.stringify(name)}\n`);
  await sql`
    update settings set wish = ${JSON.stringify(others)}, digest = ${digest.digest("hex")}, deltas_since = ${generation}
    where target = ${target} and action = 'prevention'`.execute(db);
}
