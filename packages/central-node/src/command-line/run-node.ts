import type { Writable } from "node:stream";
import { type ExitCode, exitCodes } from "@cordon/terminal";
import type { Logger } from "pino";
import { adminRoutes } from "../admin-socket/admin-routes.ts";
import { createAdminApp, listenOnAdminSocket } from "../admin-socket/admin-socket.ts";
import { checkSocketPath } from "../admin-socket/admin-socket-path.ts";
import { createBackup } from "../admin-socket/backup.ts";
import { claimDataDir } from "../admin-socket/data-dir.ts";
import { diagnoseNode } from "../admin-socket/doctor.ts";
import { createCentralNode } from "../central-node.ts";
import type { CentralNodeConfig } from "../config.ts";
import { version } from "../version.ts";

const closeWithinMs = 10_000;
const failedStartEndsWithinMs = 1000;

/** From claim to release: runs a Central Node and its admin socket until a signal, and says when it is ready. */
export async function runNode(needs: {
  config: CentralNodeConfig;
  now: () => Date;
  log: Logger;
  stdout: Writable;
}): Promise<ExitCode> {
  const { config, now, log, stdout } = needs;
  checkSocketPath(config.dataDir);
  const claim = claimDataDir(config.dataDir);
  try {
    const node = await createCentralNode({ config, log, now });
    const admin = createAdminApp(log);
    try {
      adminRoutes(admin, adminNeeds(node, { config, now }));
      await listenOnAdminSocket(admin, config.dataDir);
      const { api, console, metrics } = node;
      const signalled = nextSignal(log, node.services.certificates.refresh);
      stdout.write(`${JSON.stringify({ ready: true, api, console, metrics, pid: process.pid })}\n`);
      const signal = await signalled;
      log.info({ signal }, "closing");
      endBy(closeWithinMs, log);
    } finally {
      await admin.close();
      await node.close();
    }
    log.info("closed");
    return exitCodes.done;
  } catch (error) {
    // A node that failed half-way through its start must not live on with the half that listens.
    endBy(failedStartEndsWithinMs, log);
    throw error;
  } finally {
    claim.release();
  }
}

function adminNeeds(
  { services, ...urls }: Awaited<ReturnType<typeof createCentralNode>>,
  { config, now }: { config: CentralNodeConfig; now: () => Date },
): Parameters<typeof adminRoutes>[1] {
  const { audit, database, externalSystems, health, hosts } = services;
  const startedAt = now().toISOString();
  return {
    ...services,
    backup: createBackup({ dataDir: config.dataDir, postgresUrl: database.postgresUrl, audit }),
    diagnose: () => diagnoseNode({ ...services, now }),
    status: async () => ({
      pid: process.pid,
      version,
      startedAt,
      api: urls.api,
      console: urls.console,
      metrics: urls.metrics,
      database: database.kind,
      ready: (await health.check()).ready,
      hosts: (await hosts.list()).length,
      pendingExternalSystems: (await externalSystems.list()).filter((system) => system.state === "pending").length,
    }),
  };
}

/** Resolves at the first SIGTERM or SIGINT; from then on a second one ends the process at once. */
function nextSignal(log: Logger, refreshCertificates: () => Promise<void>): Promise<NodeJS.Signals> {
  process.on("SIGHUP", () => void refreshCertificates());
  return new Promise((resolve) => {
    let first = true;
    const onSignal = (signal: NodeJS.Signals) => {
      if (first) {
        first = false;
        resolve(signal);
        return;
      }
      log.warn({ signal }, "ended at once by a second signal");
      process.exit(exitCodes.failed);
    };
    process.on("SIGTERM", onSignal);
    process.on("SIGINT", onSignal);
  });
}

/** Clients and databases that do not let go must not keep a node from ending. What was acknowledged is durable already. */
function endBy(afterMs: number, log: Logger): void {
  setTimeout(() => {
    log.error({ afterMs }, "could not close in time: ended");
    process.exit(exitCodes.failed);
  }, afterMs).unref();
}
