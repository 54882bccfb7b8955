/**
 * Every call of the console API, once: the Central Node serves this table, the page calls it, the OpenAPI document and the
 * tests of action × role are made from it. Paths are below `/api/v1`.
 */
import { type Static, type TSchema, Type } from "typebox";
import * as admin from "./administration.ts";
import { ConsoleHost, HistoryEntry, Overview } from "./hosts.ts";
import { BulkReply, Empty, ListQuery, listOf, Uuid } from "./lists.ts";
import * as orders from "./orders.ts";
import type { ConsolePermission } from "./roles.ts";

export const consoleApiBase = "/api/v1";

/** Sent back as `x-cordon-csrf` with every request that changes something and is signed in by cookie. */
export const csrfHeader = "x-cordon-csrf";
/** One order under one key is given once, however often it is sent: the answer of the first is repeated for a day. */
export const idempotencyHeader = "idempotency-key";

export type ConsoleRoute = {
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  path: string;
  summary: string;
  /** `anyone`: without a session. */
  permission: ConsolePermission | "anyone";
  params?: TSchema;
  query?: TSchema;
  body?: TSchema;
  reply: TSchema;
  /** The thing has a version, sent as ETag; a change must name it with If-Match, and is refused (412) when it is an older one. */
  versioned?: boolean;
};

const sensor = Type.Object({ sensorId: Uuid });
const rule = Type.Object({ ruleId: Uuid });
const task = Type.Object({ taskId: Uuid });
const user = Type.Object({ userId: Uuid });
const token = Type.Object({ tokenId: Uuid });
const session = Type.Object({ sessionId: Uuid });
const system = Type.Object({
  externalSystemId: admin.ConsoleExternalSystemId,
  fingerprint: Type.String({ pattern: "^[0-9a-fA-F]{64}$" }),
});
const sensors = Type.Object({ sensorIds: Type.Array(Uuid, { minItems: 1, maxItems: 1000 }) });

export const consoleRoutes = {
  // Signing in
  signInMethods: {
    method: "GET",
    path: "/sign-in-methods",
    permission: "anyone",
    summary: "How one can sign in here",
    reply: admin.SignInMethods,
  },
  setUp: {
    method: "POST",
    path: "/set-up",
    permission: "anyone",
    summary: "Make the first administrator, with the one-time token from the log",
    body: admin.SetUp,
    reply: admin.Session,
  },
  signIn: {
    method: "POST",
    path: "/session",
    permission: "anyone",
    summary: "Sign in",
    body: admin.SignIn,
    reply: admin.Session,
  },
  getSession: {
    method: "GET",
    path: "/session",
    permission: "own-account",
    summary: "Who is signed in",
    reply: admin.Session,
  },
  signOut: { method: "DELETE", path: "/session", permission: "own-account", summary: "Sign out", reply: Empty },
  listSessions: {
    method: "GET",
    path: "/sessions",
    permission: "own-account",
    summary: "One's own sessions",
    reply: listOf(admin.SessionOfUser),
  },
  endSession: {
    method: "DELETE",
    path: "/sessions/:sessionId",
    permission: "own-account",
    summary: "End one of one's own sessions",
    params: session,
    reply: Empty,
  },
  changePassword: {
    method: "PUT",
    path: "/account/password",
    permission: "own-account",
    summary: "Change one's own password; ends all other sessions",
    body: admin.PasswordChange,
    reply: Empty,
  },
  offerSecondFactor: {
    method: "POST",
    path: "/account/second-factor",
    permission: "own-account",
    summary: "Get a new TOTP secret; it counts once it is confirmed",
    reply: admin.SecondFactorOffer,
  },
  confirmSecondFactor: {
    method: "PUT",
    path: "/account/second-factor",
    permission: "own-account",
    summary: "Confirm the new TOTP secret with a code",
    body: Type.Object({ code: Type.String({ pattern: "^[0-9]{6}$" }) }),
    reply: Empty,
  },
  removeSecondFactor: {
    method: "DELETE",
    path: "/account/second-factor",
    permission: "own-account",
    summary: "Remove one's second factor",
    body: Type.Object({ password: Type.String({ maxLength: 1024 }) }),
    reply: Empty,
  },
  listApiTokens: {
    method: "GET",
    path: "/api-tokens",
    permission: "own-account",
    summary: "One's own API tokens",
    reply: listOf(admin.ApiToken),
  },
  createApiToken: {
    method: "POST",
    path: "/api-tokens",
    permission: "own-account",
    summary: "Make an API token; it is shown once",
    body: admin.NewApiToken,
    reply: admin.NewApiTokenReply,
  },
  revokeApiToken: {
    method: "DELETE",
    path: "/api-tokens/:tokenId",
    permission: "own-account",
    summary: "Revoke one of one's own API tokens",
    params: token,
    reply: Empty,
  },

  // Hosts
  overview: {
    method: "GET",
    path: "/overview",
    permission: "hosts.see",
    summary: "The fleet at a glance",
    reply: Overview,
  },
  listHosts: {
    method: "GET",
    path: "/hosts",
    permission: "hosts.see",
    summary: "Hosts",
    query: ListQuery,
    reply: listOf(ConsoleHost),
  },
  getHost: {
    method: "GET",
    path: "/hosts/:sensorId",
    permission: "hosts.see",
    summary: "One host",
    params: sensor,
    reply: ConsoleHost,
  },
  hostHistory: {
    method: "GET",
    path: "/hosts/:sensorId/history",
    permission: "hosts.see",
    summary: "What was ordered for a host, newest first",
    params: sensor,
    query: ListQuery,
    reply: listOf(HistoryEntry),
  },
  removeHosts: {
    method: "POST",
    path: "/hosts/remove",
    permission: "hosts.remove",
    summary: "Remove hosts; each is cut off at once",
    body: sensors,
    reply: BulkReply,
  },

  // Isolation
  listIsolationRules: {
    method: "GET",
    path: "/isolation-rules",
    permission: "rules.see",
    summary: "Isolation rules, also those that have ended",
    query: ListQuery,
    reply: listOf(orders.IsolationRule),
  },
  getIsolationRule: {
    method: "GET",
    path: "/isolation-rules/:sensorId",
    permission: "rules.see",
    summary: "The isolation rule of a host",
    params: sensor,
    reply: orders.IsolationRule,
    versioned: true,
  },
  isolate: {
    method: "POST",
    path: "/isolation-rules",
    permission: "isolation.order",
    summary: "Isolate hosts, each with this rule",
    body: Type.Intersect([sensors, orders.IsolationOrder]),
    reply: BulkReply,
  },
  changeIsolation: {
    method: "PUT",
    path: "/isolation-rules/:sensorId",
    permission: "isolation.order",
    summary: "Replace the isolation rule of a host; its time starts anew",
    params: sensor,
    body: orders.IsolationOrder,
    reply: orders.IsolationRule,
    versioned: true,
  },
  release: {
    method: "POST",
    path: "/isolation-rules/release",
    permission: "isolation.order",
    summary: "Release hosts",
    body: sensors,
    reply: BulkReply,
  },
  deleteIsolationRule: {
    method: "DELETE",
    path: "/isolation-rules/:sensorId",
    permission: "isolation.order",
    summary: "Forget a rule that is no longer active",
    params: sensor,
    reply: Empty,
  },

  // Prevention
  listPreventionRules: {
    method: "GET",
    path: "/prevention-rules",
    permission: "rules.see",
    summary: "Prevention rules; filter `sensorId:is:<id>` gives those that apply to a host",
    query: ListQuery,
    reply: listOf(orders.PreventionRule),
  },
  getPreventionRule: {
    method: "GET",
    path: "/prevention-rules/:ruleId",
    permission: "rules.see",
    summary: "One prevention rule",
    params: rule,
    reply: orders.PreventionRule,
    versioned: true,
  },
  createPreventionRule: {
    method: "POST",
    path: "/prevention-rules",
    permission: "prevention.order",
    summary: "Ban a file",
    body: orders.NewPreventionRule,
    reply: orders.PreventionRule,
  },
  changePreventionRule: {
    method: "PATCH",
    path: "/prevention-rules/:ruleId",
    permission: "prevention.order",
    summary: "Change, enable or disable a prevention rule",
    params: rule,
    body: orders.PreventionRuleChange,
    reply: orders.PreventionRule,
    versioned: true,
  },
  deletePreventionRules: {
    method: "POST",
    path: "/prevention-rules/delete",
    permission: "prevention.order",
    summary: "Delete prevention rules",
    body: Type.Object({ ruleIds: Type.Array(Uuid, { minItems: 1, maxItems: 1000 }) }),
    reply: BulkReply,
  },
  previewImport: {
    method: "POST",
    path: "/prevention-rules/import-preview",
    permission: "prevention.order",
    summary: "What an import would do, line by line; changes nothing",
    body: orders.ImportRequest,
    reply: orders.ImportPreview,
  },
  importPreventionRules: {
    method: "POST",
    path: "/prevention-rules/import",
    permission: "prevention.order",
    summary: "Import the new hashes of a list in one order",
    body: orders.ImportRequest,
    reply: orders.ImportPreview,
  },

  // Tasks
  listTasks: {
    method: "GET",
    path: "/tasks",
    permission: "tasks.see",
    summary: "Tasks",
    query: ListQuery,
    reply: listOf(orders.ConsoleTask),
  },
  getTask: {
    method: "GET",
    path: "/tasks/:taskId",
    permission: "tasks.see",
    summary: "One task with its output, also while it runs",
    params: task,
    reply: orders.ConsoleTaskWithOutput,
  },
  createTasks: {
    method: "POST",
    path: "/tasks",
    permission: "tasks.order",
    summary: "Run a program on hosts, one task each",
    body: orders.NewTasks,
    reply: orders.NewTasksReply,
  },
  startTask: {
    method: "POST",
    path: "/tasks/:taskId/start",
    permission: "tasks.order",
    summary: "Start a task that was stored for later",
    params: task,
    reply: orders.ConsoleTask,
  },
  cancelTask: {
    method: "POST",
    path: "/tasks/:taskId/cancel",
    permission: "tasks.order",
    summary: "Cancel a task",
    params: task,
    reply: orders.ConsoleTask,
  },
  deleteTask: {
    method: "DELETE",
    path: "/tasks/:taskId",
    permission: "tasks.order",
    summary: "Delete a task",
    params: task,
    reply: Empty,
  },

  // Administration
  listExternalSystems: {
    method: "GET",
    path: "/external-systems",
    permission: "external-systems.see",
    summary: "External systems",
    query: ListQuery,
    reply: listOf(admin.ConsoleExternalSystem),
  },
  decideExternalSystem: {
    method: "POST",
    path: "/external-systems/:externalSystemId/:fingerprint/decision",
    permission: "external-systems.decide",
    summary: "Accept, reject or withdraw an external system",
    params: system,
    body: admin.ExternalSystemDecision,
    reply: admin.ConsoleExternalSystem,
  },
  nameExternalSystem: {
    method: "PUT",
    path: "/external-systems/:externalSystemId/:fingerprint/name",
    permission: "external-systems.decide",
    summary: "Name an external system",
    params: system,
    body: admin.ExternalSystemName,
    reply: admin.ConsoleExternalSystem,
  },
  listUsers: {
    method: "GET",
    path: "/users",
    permission: "users.see",
    summary: "Users",
    query: ListQuery,
    reply: listOf(admin.ConsoleUser),
  },
  getUser: {
    method: "GET",
    path: "/users/:userId",
    permission: "users.see",
    summary: "One user",
    params: user,
    reply: admin.ConsoleUser,
    versioned: true,
  },
  createUser: {
    method: "POST",
    path: "/users",
    permission: "users.change",
    summary: "Make a user",
    body: admin.NewUser,
    reply: admin.ConsoleUser,
  },
  changeUser: {
    method: "PATCH",
    path: "/users/:userId",
    permission: "users.change",
    summary: "Change a user's role, disable or enable; ends the user's sessions",
    params: user,
    body: admin.UserChange,
    reply: admin.ConsoleUser,
    versioned: true,
  },
  resetUser: {
    method: "POST",
    path: "/users/:userId/reset",
    permission: "users.change",
    summary: "Give a user a one-time password and remove the second factor",
    params: user,
    reply: admin.OneTimePassword,
  },
  listAudit: {
    method: "GET",
    path: "/audit",
    permission: "audit.see",
    summary: "Audit log, newest first",
    query: ListQuery,
    reply: listOf(admin.AuditRecord),
  },
  verifyAudit: {
    method: "POST",
    path: "/audit/verify",
    permission: "audit.see",
    summary: "Check the audit log's chain of hashes",
    reply: admin.ChainVerdict,
  },
  getSettings: {
    method: "GET",
    path: "/settings",
    permission: "settings.see",
    summary: "Settings of this installation",
    reply: admin.ConsoleSettings,
    versioned: true,
  },
  changeSettings: {
    method: "PATCH",
    path: "/settings",
    permission: "settings.change",
    summary: "Change settings of this installation",
    body: admin.SettingsChange,
    reply: admin.ConsoleSettings,
    versioned: true,
  },
  listJoinTokens: {
    method: "GET",
    path: "/join-tokens",
    permission: "join-tokens.see",
    summary: "Join tokens that can still be used",
    reply: listOf(admin.ConsoleJoinToken),
  },
  createJoinToken: {
    method: "POST",
    path: "/join-tokens",
    permission: "join-tokens.change",
    summary: "Make a join token; it is shown once",
    body: admin.NewJoinToken,
    reply: admin.NewJoinTokenReply,
  },
  revokeJoinToken: {
    method: "DELETE",
    path: "/join-tokens/:tokenId",
    permission: "join-tokens.change",
    summary: "Revoke a join token",
    params: token,
    reply: Empty,
  },
} as const satisfies Record<string, ConsoleRoute>;

/** Orders: what must not be given twice because an answer was lost. Such a call takes an idempotency key. */
export function isOrder({ permission }: Pick<ConsoleRoute, "permission">): boolean {
  return permission.endsWith(".order") || permission === "hosts.remove";
}

export type ConsoleRouteName = keyof typeof consoleRoutes;
type Part<N extends ConsoleRouteName, P extends string> = (typeof consoleRoutes)[N] extends {
  [K in P]: infer S extends TSchema;
}
  ? Static<S>
  : undefined;
/** What a call takes: path parameters, query, body; `undefined` where it takes none. */
export type ConsoleCall<N extends ConsoleRouteName> = {
  params: Part<N, "params">;
  query: Part<N, "query">;
  body: Part<N, "body">;
};
export type ConsoleReply<N extends ConsoleRouteName> = Static<(typeof consoleRoutes)[N]["reply"]>;

/** Not JSON, so not in the table: downloads and the stream of events, with the permission that each needs. */
export const consoleDownloads = {
  hosts: { path: "/hosts.csv", permission: "hosts.see", type: "text/csv" },
  preventionRules: { path: "/prevention-rules.csv", permission: "rules.see", type: "text/csv" },
  taskStdout: { path: "/tasks/:taskId/stdout", permission: "tasks.see", type: "text/plain" },
  taskStderr: { path: "/tasks/:taskId/stderr", permission: "tasks.see", type: "text/plain" },
  auditJsonLines: { path: "/audit.jsonl", permission: "audit.see", type: "application/x-ndjson" },
  auditCef: { path: "/audit.cef", permission: "audit.see", type: "text/plain" },
  events: { path: "/events", permission: "own-account", type: "text/event-stream" },
} as const satisfies Record<string, { path: string; permission: ConsolePermission; type: string }>;

/** Where a browser goes to sign in at the identity provider. It comes back to `/`, or to `/sign-in#error=<sentence>`. */
export const consoleOidcStart = "/oidc/start";
