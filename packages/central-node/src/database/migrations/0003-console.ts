import { type Kysely, sql } from "kysely";
import type { Migration } from "./migration.ts";

/** Signing in at the console, and what is set there. */
export const consoleTables: Migration = {
  name: "0003-console",
  async up(db: Kysely<unknown>) {
    for (const statement of statements) await sql.raw(statement).execute(db);
  },
};

const statements = [
  "alter table users add column version integer not null default 1",
  "alter table users add column last_sign_in_at text",
  "alter table users add column must_change_password integer not null default 0",
  "alter table users add column totp_secret text",
  "alter table users add column totp_offered text",
  "alter table users add column totp_last_step bigint not null default 0",
  "alter table users add column external_subject text",
  "create unique index users_by_external_subject on users (external_subject)",
  `create table sessions (
    session_id text primary key, secret_digest text not null unique, user_id text not null, created_at text not null,
    last_seen_at text not null, expires_at text not null, address text not null, user_agent text not null)`,
  "create index sessions_by_user on sessions (user_id)",
  `create table api_tokens (
    token_id text primary key, secret_digest text not null unique, user_id text not null, name text not null,
    role text not null, created_at text not null, expires_at text, last_used_at text)`,
  "create index api_tokens_by_user on api_tokens (user_id)",
  "create table setup_tokens (secret_digest text primary key, expires_at text not null)",
  `create table idempotent_calls (
    user_id text not null, key text not null, what text not null, claimed_at text not null, answer text,
    primary key (user_id, key))`,
  "create index idempotent_calls_by_time on idempotent_calls (claimed_at)",
  `create table installation (
    id integer primary key, activity_warning_hours integer not null, activity_critical_hours integer not null,
    remove_inactive_after_days integer, version integer not null)`,
  "insert into installation (id, activity_warning_hours, activity_critical_hours, version) values (1, 24, 168, 1)",
];
