import { existsSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { checkLife, type DoctorCheck, fail, ok, warn } from "../admin-socket/doctor.ts";
import type { CentralNodeConfig, ListenAddress } from "../config.ts";
import { readBroughtCertificate } from "../enrolment/brought-certificate.ts";
import { readOwnCertificateEnd } from "../enrolment/own-certificate.ts";

const privateFiles = ["cordon.db", "server-key.pem", "admin.sock"];
const clockToleranceMs = 300_000;

/** What can be seen of a data directory from outside, whether a node runs on it or not. */
export function checkDataDir(dataDir: string, now: Date): DoctorCheck[] {
  if (!existsSync(dataDir)) {
    return [fail("data directory", `${dataDir} does not exist`, "`cordon-server start` makes it.")];
  }
  const loose = [dataDir, ...privateFiles.map((file) => join(dataDir, file))].filter(
    (path) => existsSync(path) && (statSync(path).mode & 0o077) !== 0,
  );
  return [
    loose.length === 0
      ? ok("data directory", `${dataDir}, readable by its owner alone`)
      : fail("data directory", `others can read: ${loose.join(", ")}`, `chmod go-rwx ${loose.join(" ")}`),
    checkClock(dataDir, now),
  ];
}

/** What the node would tell if it ran. */
export async function checkStoppedNode(config: CentralNodeConfig, now: Date): Promise<DoctorCheck[]> {
  return [
    warn("node", `no Central Node runs on ${config.dataDir}`, `cordon-server start --data-dir ${config.dataDir}`),
    config.database === null ? checkSqlite(config.dataDir) : await checkPostgres(config.database),
    ...checkCertificates(config, now),
    await checkPort("port for external systems and agents", config.api),
    await checkPort("port for browsers", config.console),
  ];
}

/** Files that were written in the future say that the clock was set back: tokens and certificates then look younger. */
function checkClock(dataDir: string, now: Date): DoctorCheck {
  const written = ["cordon.db", "cordon.db-wal"]
    .map((file) => join(dataDir, file))
    .filter((file) => existsSync(file))
    .map((file) => statSync(file).mtimeMs);
  const aheadMs = Math.max(0, ...written) - now.getTime();
  if (aheadMs <= clockToleranceMs) return ok("clock", now.toISOString());
  const finding = `${now.toISOString()}, but the database was written ${Math.round(aheadMs / 1000)} s later than that`;
  return fail("clock", finding, "Set the clock, and let NTP keep it.");
}

function checkSqlite(dataDir: string): DoctorCheck {
  const file = join(dataDir, "cordon.db");
  if (!existsSync(file)) return warn("database", `${file} does not exist yet`, "The first start makes it.");
  try {
    const database = new DatabaseSync(file, { readOnly: true });
    try {
      const verdict = String(database.prepare("pragma quick_check(1)").get()?.quick_check);
      if (verdict === "ok") return ok("database", `${file} is sound`);
      return fail("database", `${file} is damaged: ${verdict}`, "Restore the last backup; operating.md says how.");
    } finally {
      database.close();
    }
  } catch (error) {
    return fail("database", `${file} cannot be opened: ${(error as Error).message}`, "Restore the last backup.");
  }
}

async function checkPostgres(url: string): Promise<DoctorCheck> {
  // Loaded only where it is needed: most nodes have SQLite.
  const { default: pg } = await import("pg");
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5000 });
  try {
    await client.connect();
    await client.query("select 1");
    return ok("database", "PostgreSQL answers");
  } catch (error) {
    const finding = `PostgreSQL cannot be reached: ${(error as Error).message}`;
    return fail("database", finding, "Look at the database server, its address and the password.");
  } finally {
    await client.end();
  }
}

function checkCertificates(config: CentralNodeConfig, now: Date): DoctorCheck[] {
  const checks: DoctorCheck[] = [];
  const ownEnd = readOwnCertificateEnd(config.dataDir);
  if (ownEnd !== null) {
    const name = "the node's own server certificate";
    // The next start renews it.
    checks.push(checkLife({ name, notAfter: ownEnd }, now, { warnDays: 0, renewsItself: true }));
  }
  const { serverCertificateFile: certificateFile, serverKeyFile: keyFile } = config;
  if (certificateFile === null || keyFile === null) return checks;
  const name = "the server certificate that was brought";
  try {
    readBroughtCertificate({ certificateFile, keyFile }, now);
    checks.push(ok(name, `${certificateFile} can be used`));
  } catch (error) {
    checks.push(fail(name, (error as Error).message, "Until that is mended the node does not start."));
  }
  return checks;
}

async function checkPort(name: string, { host, port }: ListenAddress): Promise<DoctorCheck> {
  const server = createServer();
  const problem = await new Promise<NodeJS.ErrnoException | null>((resolve) => {
    server.once("error", resolve);
    server.listen({ host, port }, () => resolve(null));
  });
  if (problem === null) await new Promise((resolve) => server.close(resolve));
  const at = `${host}, port ${port}`;
  switch (problem?.code) {
    case undefined:
      return ok(name, `${at}: free`);
    case "EADDRINUSE":
      return fail(name, `${at}: another program has it`, "Stop that program, or name another port.");
    case "EACCES":
      return fail(
        name,
        `${at}: this account may not listen there`,
        "Give it CAP_NET_BIND_SERVICE, or name a port above 1023.",
      );
    default:
      return fail(name, `${at}: ${problem?.message}`, "Name an address that this machine has.");
  }
}
