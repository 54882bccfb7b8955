/** The Central Node's slices on a test's database, without HTTP and without connections. For tests only. */
import { randomUUID } from "node:crypto";
import type { HostFacts } from "@cordon/contract";
import pino from "pino";
import type { Actor } from "./audit/actor.ts";
import { createAuditLog } from "./audit/audit-log.ts";
import { createBlockService } from "./blocks/block-service.ts";
import { type Change, createChanges } from "./changes/changes.ts";
import type { Database } from "./database/database.ts";
import { readOrMakeLineage } from "./database/lineage.ts";
import { createHostService } from "./hosts/host-service.ts";
import type { Nudge } from "./hosts/nudges.ts";
import { createSettingService } from "./settings/setting-service.ts";
import { createTaskService } from "./tasks/task-service.ts";

export type TestServices = Awaited<ReturnType<typeof createTestServices>>;

export const silentLog = pino({ level: "silent" });
export const soar: Actor = { kind: "external-system", id: "soar", address: "192.0.2.9", fingerprint: "ab".repeat(32) };
export const everyCapability = ["network-isolation", "prevention", "run-process"];
export const isolationWish = (hours = 2) => ({ autoTurnoffTimeoutInSec: hours * 3600, exclusions: [] });
export const uptime = { program: "/usr/bin/uptime", commandLine: null, workingDirectory: null };
/** A SHA-256 that is told apart by a number. */
export const sha256 = (number: number) => number.toString(16).padStart(64, "0");
export const banned = (...hashes: string[]) => ({
  files: hashes.map((hash) => ({ algorithm: hash.length === 32 ? "md5" : "sha256", hash, name: null })),
});

export function facts(changes: Partial<HostFacts> = {}): HostFacts {
  return {
    hostName: "host4",
    ipAddresses: ["10.16.40.243"],
    osFamily: "linux",
    osName: "Debian GNU/Linux 12 (bookworm)",
    agentVersion: "0.1.0",
    capabilities: everyCapability,
    ...changes,
  };
}

/** A clock that a test moves. */
export function createTestClock(start = "2026-11-24T10:00:00.000Z") {
  let ms = Date.parse(start);
  return {
    now: () => new Date(ms),
    pass(forMs: number) {
      ms += forMs;
    },
  };
}

export async function createTestServices({
  database,
  now,
  onNudge = () => {},
  maxFilesPerScope = 100_000,
}: {
  database: Database;
  now: () => Date;
  onNudge?: (nudge: Nudge) => void;
  maxFilesPerScope?: number;
}) {
  const nudged: Nudge[] = [];
  const counted: string[] = [];
  const nudges = {
    nudge(nudge: Nudge) {
      nudged.push(nudge);
      onNudge(nudge);
    },
  };
  const told: Change[] = [];
  const changes = createChanges();
  changes.onChange((change) => told.push(change));
  const counts = {
    ordered: (action: string) => counted.push(`${action} ordered`),
    outcome: (action: string, outcome: string) => counted.push(`${action} ${outcome}`),
    blocked: (kind: string, count: number) => counted.push(`${count} ${kind}`),
    blocksLost: (count: number) => counted.push(`${count} lost`),
  } as unknown as Parameters<typeof createTaskService>[0]["counts"] &
    Parameters<typeof createBlockService>[0]["counts"]; // only what they return differs
  const lineage = await readOrMakeLineage(database);
  const audit = createAuditLog({ database, now });
  const hosts = createHostService({ database, audit, nudges, changes, now });
  const slices = { database, audit, hosts, nudges, changes, now, counts, checkpoint: () => {} };
  return {
    lineage,
    audit,
    hosts,
    settings: createSettingService({ ...slices, lineage, maxFilesPerScope }),
    tasks: createTaskService({ ...slices, deliveryDays: 7 }),
    blocks: createBlockService(slices),
    changes,
    nudged,
    told,
    counted,
    /** A host as it is after its agent enrolled. Returns its sensor ID. */
    async addHost(changes: Partial<HostFacts> = {}): Promise<string> {
      const sensorId = randomUUID();
      const at = now().toISOString();
      await database.write((tx) => hosts.register(tx, { sensorId, facts: facts(changes), at }));
      return sensorId;
    },
    /** What the audit log holds, without who and when. */
    async audited(): Promise<{ action: string; object: string; result: string; detail: Record<string, unknown> }[]> {
      return (await audit.list(0, 10_000)).map(({ action, object, result, detail }) => ({
        action,
        object,
        result,
        detail: JSON.parse(detail),
      }));
    },
  };
}
