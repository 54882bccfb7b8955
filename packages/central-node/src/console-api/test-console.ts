/** The console's port over real services on a test's database, by inject; and people who sign in there. For tests only. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { type ConsoleRole, csrfHeader } from "@cordon/contract/console-api";
import Fastify, { type InjectOptions, LogController } from "fastify";
import pino from "pino";
import type { Actor } from "../audit/actor.ts";
import type { Database } from "../database/database.ts";
import { createCertificateAuthority } from "../enrolment/certificate-authority.ts";
import { createEnrolmentService } from "../enrolment/enrolment-service.ts";
import { createServerCertificates } from "../enrolment/server-certificates.ts";
import { createExternalSystemService } from "../external-systems/external-system-service.ts";
import { createNudges } from "../hosts/nudges.ts";
import { createInstallation } from "../installation/installation.ts";
import { createHealth } from "../metrics/health.ts";
import { createTestClock, createTestServices, silentLog } from "../test-services.ts";
import type { IdentityProviderConfig } from "../users/identity-provider.ts";
import { createUserService } from "../users/user-service.ts";
import { createConsole } from "./console.ts";

export const root: Actor = { kind: "local-administrator", id: "root", address: null, fingerprint: null };
export const password = "correct horse battery";

export type TestConsole = Awaited<ReturnType<typeof startTestConsole>>;
/** What answers have in them, as far as tests look: each call has some of these. */
type Body = {
  [member: string]: unknown;
  code: string;
  detail: string;
  token: string;
  csrfToken?: string;
  password: string;
  version: number;
  total: number;
  items: Record<string, unknown>[];
};
type Called = { status: number; headers: Record<string, unknown>; body: Body; text: string };

export async function startTestConsole(
  t: TestContext,
  database: Database,
  options: {
    identityProvider?: IdentityProviderConfig;
    files?: string;
  } = {},
) {
  const clock = createTestClock();
  const { now } = clock;
  const dataDir = await mkdtemp(join(tmpdir(), "cordon-console-"));
  t.after(() => rm(dataDir, { recursive: true, force: true }));
  const lines: string[] = [];
  const log = pino({}, { write: (line: string) => void lines.push(line) });
  const services = await createTestServices({ database, now });
  const { audit, changes, hosts, settings, tasks } = services;
  const nudges = createNudges({ postgresUrl: database.postgresUrl, log });
  await nudges.start();
  const authority = await createCertificateAuthority({ database, now });
  const enrolment = createEnrolmentService({ database, audit, authority, hosts, changes, now, log: silentLog });
  const limits = { pendingExternalSystems: 100, pendingPerAddress: 10, pendingDays: 7 };
  const externalSystems = createExternalSystemService({ database, audit, changes, limits, now, log: silentLog });
  const certificates = await createServerCertificates({
    dataDir,
    serverNames: [],
    brought: null,
    authority,
    now,
    log: silentLog,
  });
  const users = createUserService({ database, audit, changes, now });
  const installation = createInstallation({ database, audit, changes });
  const people = createConsole({
    database,
    audit,
    changes,
    nudges,
    health: createHealth({ database, nudges }),
    users,
    hosts,
    settings,
    tasks,
    externalSystems,
    enrolment,
    installation,
    certificates,
    limits: { ...limits, sessionIdleHours: 8, sessionHours: 24 },
    files: options.files ?? dataDir,
    consoleUrl: null,
    identityProvider: options.identityProvider ?? null,
    agentUrl: () => "https://node.example:443",
    version: "1.2.3",
    now,
    log,
  });
  const app = Fastify({
    loggerInstance: log,
    routerOptions: { maxParamLength: 512 },
    logController: new LogController({ disableRequestLogging: true }),
  });
  await app.register(people.part);
  t.after(async () => {
    // Not people.close(): it writes what was only counted, and the test's database is closed before this.
    await app.close();
    certificates.close();
    await nudges.close();
  });

  async function call(
    method: NonNullable<InjectOptions["method"]>,
    path: string,
    {
      body,
      headers = {},
      from = "192.0.2.1",
    }: { body?: unknown; headers?: Record<string, string>; from?: string } = {},
  ): Promise<Called> {
    const answer = await app.inject({
      method,
      url: `/api/v1${path}`,
      headers,
      remoteAddress: from,
      ...(body === undefined ? {} : { payload: body as object }),
    });
    const isJson = /^application\/(problem\+)?json/.test(String(answer.headers["content-type"]));
    const content = { body: isJson ? answer.json() : {}, text: answer.body };
    return { status: answer.statusCode, headers: answer.headers, ...content };
  }

  /** A browser with its cookies, and the CSRF token that the page sends. */
  function browser(from = "192.0.2.1") {
    const cookies = new Map<string, string>();
    let csrf = "";
    return {
      cookies,
      async call(
        method: NonNullable<InjectOptions["method"]>,
        path: string,
        body?: unknown,
        headers: Record<string, string> = {},
      ) {
        const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
        const sent = {
          ...(cookie === "" ? {} : { cookie }),
          ...(csrf === "" ? {} : { [csrfHeader]: csrf }),
          ...headers,
        };
        const answer = await call(method, path, { ...(body === undefined ? {} : { body }), headers: sent, from });
        for (const line of [answer.headers["set-cookie"] ?? []].flat().map(String)) {
          const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
          if (value === "") cookies.delete(name);
          else cookies.set(name, value);
        }
        const { csrfToken } = answer.body;
        if (csrfToken !== undefined) csrf = csrfToken;
        return answer;
      },
    };
  }

  return {
    app,
    services,
    audit,
    changes,
    clock,
    database,
    enrolment,
    externalSystems,
    hosts,
    installation,
    lines,
    people,
    users,
    call,
    browser,
    /** What the audit log holds, without when. */
    async audited(action?: string) {
      const rows = await audit.list(0, 10_000);
      return rows
        .filter((row) => action === undefined || row.action === action)
        .map(({ action, object, result, detail, actor_kind, actor_id, address }) => ({
          action,
          object,
          result,
          who: `${actor_kind}:${actor_id}`,
          address,
          detail: JSON.parse(detail),
        }));
    },
    /** Somebody new with this role, signed in. */
    async person(role: ConsoleRole, name: string = role) {
      const user = await users.add({ name, role, password }, root);
      const own = browser();
      const signedIn = await own.call("POST", "/session", { name, password });
      if (signedIn.status !== 200) throw new Error(`could not sign in: ${JSON.stringify(signedIn.body)}`);
      return { ...own, user };
    },
  };
}
