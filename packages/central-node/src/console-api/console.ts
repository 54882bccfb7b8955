/** Puts together what answers on the console's port, out of the slices that it shows. */
import type { FastifyInstance } from "fastify";
import type { Logger } from "pino";
import type { AuditLog } from "../audit/audit-log.ts";
import type { Changes } from "../changes/changes.ts";
import type { Database } from "../database/database.ts";
import type { EnrolmentService } from "../enrolment/enrolment-service.ts";
import type { ServerCertificates } from "../enrolment/server-certificates.ts";
import type { ExternalSystemService } from "../external-systems/external-system-service.ts";
import type { HostService } from "../hosts/host-service.ts";
import type { Nudges } from "../hosts/nudges.ts";
import type { Installation } from "../installation/installation.ts";
import type { Health } from "../metrics/health.ts";
import type { SettingService } from "../settings/setting-service.ts";
import type { TaskService } from "../tasks/task-service.ts";
import { createAccountService } from "../users/account-service.ts";
import { createApiTokenService } from "../users/api-token-service.ts";
import { createExternalSignIn } from "../users/external-sign-in.ts";
import { createIdentityProvider, type IdentityProviderConfig } from "../users/identity-provider.ts";
import { createSessionService, type SessionLimits } from "../users/session-service.ts";
import { createSetupService } from "../users/setup-service.ts";
import { createSignInService } from "../users/sign-in-service.ts";
import type { UserService } from "../users/user-service.ts";
import { createAdmission } from "./admission.ts";
import { createApiTokenHandlers } from "./api-token-handlers.ts";
import { createAuditDownloads, createAuditHandlers } from "./audit-handlers.ts";
import { consoleApi } from "./console-api.ts";
import { consolePage } from "./console-page.ts";
import { consolePort } from "./console-port.ts";
import { createEventHub } from "./event-hub.ts";
import { createExternalSystemHandlers } from "./external-system-handlers.ts";
import type { Downloads, Handlers } from "./handlers.ts";
import { createIdempotentCalls } from "./idempotent-calls.ts";
import { createJoinTokenHandlers } from "./join-token-handlers.ts";
import { oidcRoutes } from "./oidc-routes.ts";
import { createOrders } from "./orders.ts";
import { createRefusals } from "./refusals.ts";
import { createSessionHandlers } from "./session-handlers.ts";
import { createSettingsHandlers } from "./settings-handlers.ts";
import { createUserHandlers } from "./user-handlers.ts";

const dayMs = 86_400_000;

export function createConsole(needs: {
  database: Database;
  audit: AuditLog;
  changes: Changes;
  nudges: Pick<Nudges, "onTold" | "onGap" | "tellOthers">;
  health: Health;
  users: UserService;
  hosts: HostService;
  settings: SettingService;
  tasks: TaskService;
  externalSystems: ExternalSystemService;
  enrolment: EnrolmentService;
  installation: Installation;
  certificates: ServerCertificates;
  limits: SessionLimits & Readonly<Record<string, number>>;
  /** The folder with the page. */
  files: string;
  consoleUrl: string | null;
  identityProvider: IdentityProviderConfig | null;
  agentUrl(): string;
  version: string;
  now: () => Date;
  log: Logger;
}) {
  const { database, audit, changes, users, hosts, installation, limits, consoleUrl, version, now, log } = needs;
  const people = { database, audit, changes, now };
  const sessions = createSessionService({ ...people, limits });
  const signIn = createSignInService({ ...people, sessions });
  const setup = createSetupService({ ...people, sessions });
  const apiTokens = createApiTokenService(people);
  const account = createAccountService({ ...people, signIn });
  const hub = createEventHub({ changes, nudges: needs.nudges });
  const idempotentCalls = createIdempotentCalls({ database, now });
  const identityProvider =
    needs.identityProvider === null ? null : createIdentityProvider({ config: needs.identityProvider, log });

  const orders = createOrders({ ...needs, thresholds: installation.read });

  const handlers: Handlers = {
    ...orders.handlers,
    ...createSessionHandlers({ signIn, setup, sessions, account, users, identityProvider }),
    ...createApiTokenHandlers({ apiTokens }),
    ...createUserHandlers({ users }),
    ...createExternalSystemHandlers({ externalSystems: needs.externalSystems }),
    ...createAuditHandlers({ audit }),
    ...createSettingsHandlers({ installation, limits, certificates: needs.certificates }),
    ...createJoinTokenHandlers({ enrolment: needs.enrolment, agentUrl: needs.agentUrl, now }),
  };
  const downloads: Downloads = {
    ...orders.downloads,
    ...createAuditDownloads({ audit, version, now }),
  };
  const api = consoleApi({
    handlers,
    downloads,
    admission: createAdmission({ sessions, apiTokens }),
    idempotentCalls,
    refusals: createRefusals({ audit, changes }),
    hub,
    more:
      identityProvider === null
        ? []
        : [
            oidcRoutes({
              provider: identityProvider,
              externalSignIn: createExternalSignIn({ ...people, sessions }),
              audit,
              consoleUrl,
            }),
          ],
  });

  return {
    part: (app: FastifyInstance): Promise<void> =>
      consolePort({ health: needs.health, version, parts: [api, consolePage({ folder: needs.files })] })(app),

    /** While there is no administrator, the log has a link that makes the first one. `url`: where the console listens. */
    async offerSetup(url: string): Promise<void> {
      const token = await setup.offer();
      if (token === null) return;
      // In the fragment: it goes to no server's log when it is opened.
      const link = new URL(`/set-up#token=${token}`, consoleUrl ?? url).href;
      log.warn({ link }, "there is no administrator yet: open this link within 24 hours to make the first one");
    },

    /** What is done from time to time. */
    async sweep(): Promise<void> {
      await sessions.sweep();
      await idempotentCalls.sweep();
      await signIn.flush();
    },
    async removeInactiveHosts(): Promise<void> {
      const { removeInactiveAfterDays } = await installation.read();
      if (removeInactiveAfterDays === null) return;
      const since = new Date(now().getTime() - removeInactiveAfterDays * dayMs).toISOString();
      const actor = { kind: "central-node", id: "central-node", address: null, fingerprint: null } as const;
      const count = await hosts.removeInactive(since, actor);
      if (count === 0) return;
      log.info({ count, removeInactiveAfterDays }, "removed hosts that were not heard of");
      changes.tell("hosts");
    },
    async close(): Promise<void> {
      hub.close();
      await signIn.flush();
    },
  };
}
