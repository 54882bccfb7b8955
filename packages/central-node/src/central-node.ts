/** The composition root: read it to know what depends on what. */
import { readFileSync } from "node:fs";
import type { Server } from "node:https";
import { hostname } from "node:os";
import { join } from "node:path";
import { centralNodeTlsName } from "@cordon/contract";
import type { Logger } from "pino";
import { createAgentLink } from "./agent-link/agent-link.ts";
import { enrolRoutes } from "./agent-link/enrol-routes.ts";
import { createAuditLog } from "./audit/audit-log.ts";
import { createBlockService } from "./blocks/block-service.ts";
import { createChanges } from "./changes/changes.ts";
import type { CentralNodeConfig } from "./config.ts";
import { createConsole } from "./console-api/console.ts";
import { type Database, openDatabase } from "./database/database.ts";
import { readOrMakeLineage } from "./database/lineage.ts";
import { createCertificateAuthority } from "./enrolment/certificate-authority.ts";
import { createEnrolmentService } from "./enrolment/enrolment-service.ts";
import { createServerCertificates } from "./enrolment/server-certificates.ts";
import { createTicketKeys } from "./enrolment/ticket-keys.ts";
import { createExternalSystemService } from "./external-systems/external-system-service.ts";
import { createHostService } from "./hosts/host-service.ts";
import { createNudges } from "./hosts/nudges.ts";
import { createAdmission } from "./http/admission.ts";
import { listen, reachableUrl } from "./http/listen.ts";
import { createTlsApp } from "./http/tls-server.ts";
import { createInstallation } from "./installation/installation.ts";
import { createHealth } from "./metrics/health.ts";
import { createMetrics } from "./metrics/metrics.ts";
import { createRepeating } from "./repeating.ts";
import { responseApiRoutes } from "./response-api/response-api-routes.ts";
import { createSettingService } from "./settings/setting-service.ts";
import { createTaskService } from "./tasks/task-service.ts";
import { createUserService } from "./users/user-service.ts";
import { version } from "./version.ts";

export type CentralNode = Awaited<ReturnType<typeof createCentralNode>>;

/**
 * A running Central Node: it listens when this resolves. `checkpoint` is called by name at each step of an order's journey;
 * the crash tests end the process there, the program does nothing.
 */
export async function createCentralNode(needs: {
  config: CentralNodeConfig;
  log: Logger;
  now: () => Date;
  checkpoint?: (name: string) => void;
}) {
  const { config } = needs;
  const database = await openDatabase(config.database ?? join(config.dataDir, "cordon.db"));
  try {
    return await startOn(database, needs);
  } catch (error) {
    await database.close();
    throw error;
  }
}

async function startOn(
  database: Database,
  { config, log, now, checkpoint = () => {} }: Parameters<typeof createCentralNode>[0],
) {
  const { dataDir, limits } = config;
  const lineage = await readOrMakeLineage(database);
  const metrics = createMetrics();
  const audit = createAuditLog({ database, now });
  const changes = createChanges();
  const nudges = createNudges({ postgresUrl: database.postgresUrl, log });
  const health = createHealth({ database, nudges });
  const hosts = createHostService({ database, audit, nudges, changes, now });
  const authority = await createCertificateAuthority({ database, now });
  const enrolment = createEnrolmentService({ database, audit, authority, hosts, changes, now, log });
  hosts.whenRemoved(enrolment.forget);
  const externalSystems = createExternalSystemService({ database, audit, limits, changes, now, log });
  const slices = { database, audit, hosts, nudges, changes, now, counts: metrics, checkpoint };
  const settings = createSettingService({ ...slices, lineage, maxFilesPerScope: limits.maxHashesPerScope });
  const blocks = createBlockService(slices);
  const tasks = createTaskService({ ...slices, deliveryDays: limits.taskDeliveryDays });
  const ticketKeys = await createTicketKeys({ database, now });
  const certificates = await createServerCertificates({
    dataDir,
    serverNames: config.serverNames,
    brought:
      config.serverCertificateFile === null || config.serverKeyFile === null
        ? null
        : { certificateFile: config.serverCertificateFile, keyFile: config.serverKeyFile },
    authority,
    now,
    log,
  });

  const tls = { certificates, maxBodyBytes: limits.maxBodyBytes, log };
  const api = createTlsApp({
    ...tls,
    askForClientCertificate: true,
    // Not as Node makes it by default, of the command line, which differs between Central Nodes.
    tickets: () => ({ ticketKeys: ticketKeys.current(), sessionIdContext: "cordon-response-api" }),
  });
  const admission = createAdmission({
    server: api.server,
    queuedName: centralNodeTlsName,
    queued: { atOnce: limits.agentsConnectingAtOnce, maxWaiting: limits.agentsWaiting },
  });
  api.addHook("preClose", async () => admission.close());
  metrics.observe(api, "response-api");
  await api.register(
    responseApiRoutes({ authorise: externalSystems.authorise, hosts, settings, tasks, blocks, audit, version }),
  );
  await api.register(async (app) => enrolRoutes(app, enrolment.enrol));
  const agents = createAgentLink({
    server: api.server as unknown as Server,
    agentOf: enrolment.agentOf,
    renew: enrolment.renew,
    authorities: authority.authorities,
    databaseAnswers: async () => (await health.check()).checks.database,
    heartbeatSec: limits.agentHeartbeatSec,
    onSettled: admission.arrived,
    nudges,
    hosts,
    settings,
    tasks,
    blocks,
    lineage,
    now,
    checkpoint,
    log,
  });

  const consoleApp = createTlsApp({ ...tls, askForClientCertificate: false });
  metrics.observe(consoleApp, "console");
  const users = createUserService({ database, audit, changes, now });
  let agentUrl = "";
  const people = createConsole({
    database,
    audit,
    changes,
    nudges,
    health,
    users,
    hosts,
    settings,
    tasks,
    externalSystems,
    enrolment,
    installation: createInstallation({ database, audit, changes }),
    certificates,
    limits,
    files: config.consoleFiles,
    consoleUrl: config.consoleUrl,
    identityProvider: readIdentityProvider(config),
    agentUrl: () => agentUrl,
    version,
    now,
    log,
  });
  await consoleApp.register(people.part);

  const orders = {
    /** Age of the oldest order that its host has not reported on; null: none waits. */
    async oldestNotInEffectAgeSec(): Promise<number | null> {
      const times = await Promise.all([settings.oldestUnreported(), tasks.oldestWaiting()]);
      const oldest = times.filter((at) => at !== null).sort()[0];
      return oldest === undefined ? null : Math.max(0, (now().getTime() - Date.parse(oldest)) / 1000);
    },
  };
  metrics.read({
    agentsConnected: agents.connected,
    agentsWaiting: admission.waiting,
    agentsShed: admission.shed,
    strangersRefused: externalSystems.strangersRefused,
    oldestOrderAgeSec: async () => (await orders.oldestNotInEffectAgeSec()) ?? 0,
  });
  const metricsApp = metrics.app(health);

  const repeating = createRepeating({ log });
  repeating.every(5_000, "write contacts", hosts.flushContacts);
  repeating.every(5_000, "write knocks", () => externalSystems.flush());
  repeating.every(30_000, "expire tasks", tasks.expireOverdue);
  repeating.every(600_000, "forget strangers", externalSystems.sweep);
  repeating.every(600_000, "forget join tokens", enrolment.sweep);
  repeating.every(600_000, "forget sessions", people.sweep);
  repeating.every(3_600_000, "remove inactive hosts", people.removeInactiveHosts);
  repeating.every(600_000, "forget blocks", blocks.prune);
  repeating.every(43_200_000, "renew server certificates", async () => {
    await ticketKeys.refresh();
    await certificates.refresh();
  });

  /** Everything but the database. */
  async function stop(): Promise<void> {
    health.startClosing();
    await agents.close();
    await Promise.all([api.close(), consoleApp.close(), metricsApp.close()]);
    await repeating.close();
    certificates.close();
    await people.close();
    await hosts.flushContacts();
    await externalSystems.flush({ everything: true });
    await nudges.close();
  }

  try {
    await nudges.start();
    const urls = {
      api: await listen(api, { ...config.api, reusePort: config.reusePort }, "https"),
      console: await listen(consoleApp, { ...config.console, reusePort: config.reusePort }, "https"),
      metrics: await listenForMetrics(metricsApp, config.metrics, log),
    };
    const name = config.serverNames[0] ?? hostname();
    agentUrl = reachableUrl(urls.api, config.api, name);
    await people.offerSetup(reachableUrl(urls.console, config.console, name));
    const services = {
      audit,
      authority,
      blocks,
      certificates,
      enrolment,
      externalSystems,
      health,
      hosts,
      orders,
      users,
    };
    return {
      ...urls,
      services: { ...services, database },
      async close(): Promise<void> {
        await stop();
        await database.close();
      },
    };
  } catch (error) {
    // One port is taken, say: those that listen already must not keep the process alive.
    await stop();
    throw error;
  }
}

/** Its secret is read once: a file that cannot be read stops the start, which says so. */
function readIdentityProvider({ identityProvider }: CentralNodeConfig) {
  if (identityProvider === null) return null;
  const { clientSecretFile, ...provider } = identityProvider;
  return { ...provider, clientSecret: readFileSync(clientSecretFile, "utf8").trim() };
}

async function listenForMetrics(
  app: Parameters<typeof listen>[0],
  { host, port, asked }: CentralNodeConfig["metrics"],
  log: Logger,
): Promise<string> {
  try {
    return await listen(app, { host, port }, "http");
  } catch (error) {
    if (asked || (error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    // A second Central Node on one machine, say: nobody asked for this very port.
    const url = await listen(app, { host, port: 0 }, "http");
    log.warn({ taken: port, url }, "the usual port for metrics is taken: using a free one");
    return url;
  }
}
