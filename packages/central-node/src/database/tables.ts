import type { Insertable, Kysely, Selectable, Transaction } from "kysely";

/**
 * Every table, in the portable subset of both databases: IDs and times are text (times ISO 8601 UTC, so that they sort),
 * lists and records are JSON text, booleans are 0 or 1. Row types stand here so that no slice needs another's store.
 */
export type Tables = {
  meta: { key: string; value: string };
  /** One row. Updating it is taking the turn: on PostgreSQL it serialises the writers of all Central Nodes. */
  write_turn: { id: number; turn: number };
  audit_log: AuditTable;
  external_systems: ExternalSystemTable;
  hosts: HostTable;
  /** Every address of every host, for look-ups by address. */
  host_addresses: { sensor_id: string; address: string };
  agent_certificates: AgentCertificateTable;
  join_tokens: JoinTokenTable;
  certificate_authorities: CertificateAuthorityTable;
  settings: SettingTable;
  banned_files: BannedFileTable;
  setting_reports: SettingReportTable;
  block_events: BlockEventTable;
  block_counts: BlockCountTable;
  /** `hour`: the first 13 characters of an ISO 8601 time. */
  block_hours: { sensor_id: string; scope: "host" | "all"; hour: string; blocks: number };
  /** Blocks of which a host knows only that they were: `lost` in the journal that it has now, `lost_before` in earlier ones. */
  block_losses: { sensor_id: string; journal_id: string; lost: number; lost_before: number };
  prevention_rules: PreventionRuleTable;
  /** The hosts of rules that are not for all. */
  prevention_rule_hosts: { rule_id: string; sensor_id: string };
  tasks: TaskTable;
  task_outputs: TaskOutputTable;
  users: UserTable;
  sessions: SessionTable;
  api_tokens: ApiTokenTable;
  /** SHA-256 of the secret in a link that makes the first administrator. */
  setup_tokens: { secret_digest: string; expires_at: string };
  idempotent_calls: IdempotentCallTable;
  installation: InstallationTable;
};

/** A store function that must share a transaction takes it as its first parameter. */
export type Tx = Transaction<Tables>;
export type Reader = Kysely<Tables>;

type AuditTable = {
  seq: number;
  at: string;
  actor_kind: string;
  actor_id: string;
  address: string | null;
  action: string;
  object: string;
  result: string;
  /** JSON record: fingerprint, digest of the request, and what else explains the entry. */
  detail: string;
  previous_hash: string;
  hash: string;
};

type ExternalSystemTable = {
  /** The ID in lower case: IDs are compared without case. */
  id_key: string;
  /** SHA-256 of the client certificate's DER, lower-case hex. */
  fingerprint: string;
  external_system_id: string;
  state: "pending" | "accepted" | "rejected" | "withdrawn";
  name: string | null;
  address: string;
  subject: string;
  valid_from: string;
  valid_to: string;
  first_seen_at: string;
  last_seen_at: string;
  /** Requests made while not accepted. */
  knocks: number;
  decided_at: string | null;
  decided_by: string | null;
};

type HostTable = {
  sensor_id: string;
  host_name: string;
  ip_addresses: string;
  os_family: "windows" | "linux" | "macos";
  os_name: string;
  agent_version: string;
  capabilities: string;
  /** The journal that the agent last said hello with; null before the first contact. */
  journal_id: string | null;
  enrolled_at: string;
  /** Batched: a crash may lose the last seconds of it. */
  last_access_at: string;
};

type AgentCertificateTable = {
  fingerprint: string;
  sensor_id: string;
  issued_at: string;
  not_after: string;
};

type JoinTokenTable = {
  id: string;
  /** SHA-256 of the secret, lower-case hex: the secret itself is not kept. */
  secret_digest: string;
  created_at: string;
  expires_at: string;
  uses_left: number;
};

type CertificateAuthorityTable = {
  /** SHA-256 of the certificate's DER, lower-case hex. */
  fingerprint: string;
  certificate: string;
  private_key: string;
  created_at: string;
  not_after: string;
};

type SettingTable = {
  /** A sensor ID, or `all`. */
  target: string;
  action: string;
  generation: number;
  /** The wish as last ordered, kept when it was disabled or ran out. Of prevention without its files: see `banned_files`. */
  wish: string;
  enabled: 0 | 1;
  ordered_at: string;
  ordered_by: string;
  ends_at: string | null;
  /** Of prevention: what its files come to, see `PreventionSet` in the agent protocol. */
  digest: string | null;
  /** Of prevention: the oldest generation of which it is still known what has changed since. */
  deltas_since: number | null;
  /** Somebody has done with it since it ended: no list shows it, until it is ordered anew. */
  forgotten_at: string | null;
};

/** One rule of prevention as people see it. While it is enabled, its hash is in `banned_files` for each of its targets. */
type PreventionRuleTable = {
  rule_id: string;
  hash: string;
  /** What can be shown of the label; empty: none. */
  name: string;
  scope: "all" | "hosts";
  enabled: 0 | 1;
  /** JSON of the actor. */
  author: string;
  created_at: string;
  changed_at: string;
  version: number;
};

/** A file of a scope's prevention rule, in the generations from `since_generation` on and before `until_generation`. */
type BannedFileTable = {
  /** A sensor ID, or `all`. */
  target: string;
  hash: string;
  /** The label as JSON text, which may hold what PostgreSQL takes in no text; null: none. */
  name: string | null;
  /** Among those that came in the same generation. */
  position: number;
  since_generation: number;
  /** Null: it is in the rule. */
  until_generation: number | null;
};

type SettingReportTable = {
  sensor_id: string;
  scope: "host" | "all";
  action: string;
  generation: number;
  /** The journal of the host's agent that said it, and the number that the report has there. */
  journal_id: string;
  report_number: number;
  state: "in-effect" | "lifted" | "failed";
  reason: string | null;
  detail: string | null;
  /** JSON list of the first parts of the wish that the host refuses, and how many they are in all; null: none. */
  refused: string | null;
  refused_count: number | null;
  /** By the host's clock. */
  reported_at: string;
  received_at: string;
};

type BlockEventTable = {
  sensor_id: string;
  /** Chosen by the host's agent: an event that is told twice is one. */
  event_id: string;
  /** By the host's clock, but never after it was received. */
  at: string;
  received_at: string;
  kind: "denied" | "running" | "killed";
  path: string;
  hash: string;
  scope: "host" | "all";
  rule_name: string | null;
  file_sha256: string | null;
  user_id: number | null;
  user_name: string | null;
  /** JSON list: the process that asked, then its parents. */
  processes: string;
  /** How many like it are merged into it, itself included. */
  blocks: number;
};

type BlockCountTable = {
  hash: string;
  scope: "host" | "all";
  sensor_id: string;
  blocks: number;
  first_at: string;
  last_at: string;
};

type TaskTable = {
  task_id: string;
  sensor_id: string;
  action: string;
  parameters: string;
  start_now: 0 | 1;
  state: "waiting" | "running" | "completed" | "failed" | "cancelled";
  created_at: string;
  created_by: string;
  /** Undelivered by then: it fails. */
  expires_at: string;
  /** First handed to the host's connection; from then on only the agent can tell what came of it. */
  sent_at: string | null;
  started_at: string | null;
  finished_at: string | null;
  cancel_requested_at: string | null;
  /** Deleted tasks stay as a tombstone: their IDs are never used twice. */
  deleted_at: string | null;
  reason: string | null;
  detail: string | null;
  exit_code: number | null;
  stdout: string | null;
  stderr: string | null;
  stdout_truncated: 0 | 1;
  stderr_truncated: 0 | 1;
};

/** The end of what a program has printed so far. Gone once its task has ended. */
type TaskOutputTable = {
  task_id: string;
  stdout: string;
  stderr: string;
  /** There was more before it. */
  stdout_truncated: 0 | 1;
  stderr_truncated: 0 | 1;
  received_at: string;
};

type UserTable = {
  user_id: string;
  /** Compared without case: `name_key` is the name in lower case. */
  name: string;
  name_key: string;
  role: "administrator" | "senior-security-officer" | "security-officer" | "security-auditor";
  /** PHC string of argon2id; `none` for who signs in at the identity provider. */
  password_hash: string;
  created_at: string;
  disabled_at: string | null;
  /** Rises with every change of role or state. */
  version: number;
  last_sign_in_at: string | null;
  /** The password is a one-time one. */
  must_change_password: 0 | 1;
  /** Base32; null: no second factor. */
  totp_secret: string | null;
  /** Offered, and not confirmed yet. */
  totp_offered: string | null;
  /** The 30 seconds since 1970 whose code was used last: none counts twice. */
  totp_last_step: number;
  /** Issuer and subject at the identity provider; null: signs in with a password. */
  external_subject: string | null;
};

type SessionTable = {
  session_id: string;
  /** SHA-256 of the cookie, lower-case hex: the cookie itself is not kept. */
  secret_digest: string;
  user_id: string;
  created_at: string;
  /** At most a minute behind. */
  last_seen_at: string;
  /** However much it is used. */
  expires_at: string;
  address: string;
  user_agent: string;
};

type ApiTokenTable = {
  token_id: string;
  secret_digest: string;
  user_id: string;
  name: string;
  role: UserTable["role"];
  created_at: string;
  expires_at: string | null;
  /** At most a minute behind. */
  last_used_at: string | null;
};

type IdempotentCallTable = {
  user_id: string;
  key: string;
  /** Tells calls apart: a digest. */
  what: string;
  claimed_at: string;
  /** JSON; null: not answered (yet). */
  answer: string | null;
};

/** One row. */
type InstallationTable = {
  id: number;
  activity_warning_hours: number;
  activity_critical_hours: number;
  remove_inactive_after_days: number | null;
  version: number;
};

export type AuditRow = Selectable<AuditTable>;
export type ExternalSystemRow = Selectable<ExternalSystemTable>;
export type HostRow = Selectable<HostTable>;
export type JoinTokenRow = Selectable<JoinTokenTable>;
export type CertificateAuthorityRow = Selectable<CertificateAuthorityTable>;
export type SettingRow = Selectable<SettingTable>;
export type BannedFileRow = Selectable<BannedFileTable>;
export type BlockEventRow = Selectable<BlockEventTable>;
export type BlockCountRow = Selectable<BlockCountTable>;
export type PreventionRuleRow = Selectable<PreventionRuleTable>;
export type SettingReportRow = Insertable<SettingReportTable>;
export type TaskRow = Selectable<TaskTable>;
export type TaskOutputRow = Selectable<TaskOutputTable>;
export type UserRow = Selectable<UserTable>;
export type SessionRow = Selectable<SessionTable>;
export type ApiTokenRow = Selectable<ApiTokenTable>;
export type InstallationRow = Selectable<InstallationTable>;
