import { type Kysely, sql } from "kysely";
import type { Migration } from "./migration.ts";

export const initial: Migration = {
  name: "0001-initial",
  async up(db: Kysely<unknown>) {
    for (const statement of statements) await sql.raw(statement).execute(db);
  },
};

const statements = [
  "create table meta (key text primary key, value text not null)",
  "create table write_turn (id integer primary key, turn bigint not null)",
  "insert into write_turn (id, turn) values (1, 0)",
  `create table audit_log (
    seq bigint primary key, at text not null, actor_kind text not null, actor_id text not null, address text,
    action text not null, object text not null, result text not null, detail text not null,
    previous_hash text not null, hash text not null)`,
  `create table external_systems (
    id_key text not null, fingerprint text not null, external_system_id text not null, state text not null, name text,
    address text not null, subject text not null, valid_from text not null, valid_to text not null,
    first_seen_at text not null, last_seen_at text not null, knocks integer not null, decided_at text, decided_by text,
    primary key (id_key, fingerprint))`,
  "create index external_systems_by_state on external_systems (state, address)",
  `create table hosts (
    sensor_id text primary key, host_name text not null, ip_addresses text not null, os_family text not null,
    os_name text not null, agent_version text not null, capabilities text not null, journal_id text,
    enrolled_at text not null, last_access_at text not null)`,
  "create index hosts_by_name on hosts (host_name)",
  "create table host_addresses (sensor_id text not null, address text not null, primary key (address, sensor_id))",
  "create index host_addresses_by_host on host_addresses (sensor_id)",
  `create table agent_certificates (
    fingerprint text primary key, sensor_id text not null, issued_at text not null, not_after text not null)`,
  "create index agent_certificates_by_host on agent_certificates (sensor_id)",
  `create table join_tokens (
    id text primary key, secret_digest text not null unique, created_at text not null, expires_at text not null,
    uses_left integer not null)`,
  `create table certificate_authorities (
    fingerprint text primary key, certificate text not null, private_key text not null, created_at text not null,
    not_after text not null)`,
  `create table settings (
    target text not null, action text not null, generation integer not null, wish text not null, enabled integer not null,
    ordered_at text not null, ordered_by text not null, ends_at text, primary key (target, action))`,
  "create table banned_hashes (hash text not null, target text not null, primary key (hash, target))",
  "create index banned_hashes_by_target on banned_hashes (target)",
  `create table setting_reports (
    sensor_id text not null, scope text not null, action text not null, generation integer not null,
    journal_id text not null, report_number bigint not null, state text not null,
    reason text, detail text, reported_at text not null, received_at text not null,
    primary key (sensor_id, action, scope))`,
  `create table tasks (
    task_id text primary key, sensor_id text not null, action text not null, parameters text not null,
    start_now integer not null, state text not null, created_at text not null, created_by text not null,
    expires_at text not null, sent_at text, started_at text, finished_at text, cancel_requested_at text, deleted_at text,
    reason text, detail text, exit_code bigint, stdout text, stderr text,
    stdout_truncated integer not null, stderr_truncated integer not null)`,
  // Only what an agent has still to be told or has still to tell: finished tasks, the bulk, are not in it.
  "create index tasks_open_by_host on tasks (sensor_id, created_at) where finished_at is null",
  `create table users (
    user_id text primary key, name text not null, name_key text not null unique, role text not null,
    password_hash text not null, created_at text not null, disabled_at text)`,
];
