import type { X509Certificate } from "node:crypto";
import { Problem } from "@cordon/contract";
import type { Logger } from "pino";
import type { Actor } from "../audit/actor.ts";
import type { AuditLog } from "../audit/audit-log.ts";
import type { Changes } from "../changes/changes.ts";
import type { Database, Reader } from "../database/database.ts";
import type { ExternalSystemRow } from "../database/tables.ts";
import { cleanText } from "../text/clean-text.ts";
import { describeClientCertificate, fingerprintOfPeer } from "./client-certificate.ts";
import { createDecisions } from "./decisions.ts";
import { type ExternalSystem, present } from "./external-system.ts";
import { listExternalSystems } from "./external-system-list.ts";
import { externalSystemStore, type PairKey } from "./external-system-store.ts";
import { createRefusalCounts, type StrangerReason } from "./refusal-counts.ts";

export type ExternalSystemService = ReturnType<typeof createExternalSystemService>;
const dayMs = 86_400_000;
const idForm = /^[0-9A-Za-z-]{1,64}$/;

export function createExternalSystemService(needs: {
  database: Database;
  audit: AuditLog;
  limits: { pendingExternalSystems: number; pendingPerAddress: number; pendingDays: number };
  changes: Pick<Changes, "tell">;
  now: () => Date;
  log: Pick<Logger, "warn">;
}) {
  const { database, audit, limits, changes, now, log } = needs;
  const refusals = createRefusalCounts({ audit, now });
  /** Knocks since the last flush, of pairs that have a row. */
  const knocks = new Map<string, PairKey & { count: number; lastSeenAt: string }>();
  /** When an accepted pair's expired certificate was last logged. */
  const expiryLogged = new Map<string, number>();

  function pendingCutoff(): string {
    return new Date(now().getTime() - limits.pendingDays * dayMs).toISOString();
  }

  /** First sight of a pair: one row, however many requests come at once. Returns why there is no room for it, or null. */
  async function recordFirstKnock(request: { externalSystemId: string; peer: X509Certificate; address: string }) {
    const { externalSystemId, peer, address } = request;
    const { fingerprint, subject, validFrom, validTo } = describeClientCertificate(peer);
    const key = { idKey: externalSystemId.toLowerCase(), fingerprint };
    // A full house is found by a read: a flood of strangers then costs no writes.
    const full = await findFull(database.read, address);
    if (full !== null) return full;
    const fullByThen = await database.writeInTurn(async (tx) => {
      await externalSystemStore.deletePendingBefore(tx, pendingCutoff());
      if ((await externalSystemStore.find(tx, key)) !== undefined) return null;
      const fullByNow = await findFull(tx, address);
      if (fullByNow !== null) return fullByNow;
      const at = now().toISOString();
      await externalSystemStore.insert(tx, {
        id_key: key.idKey,
        fingerprint,
        external_system_id: externalSystemId,
        state: "pending",
        name: null,
        address,
        subject,
        valid_from: validFrom,
        valid_to: validTo,
        first_seen_at: at,
        last_seen_at: at,
        knocks: 1,
        decided_at: null,
        decided_by: null,
      });
      await audit.append(tx, {
        actor: { kind: "external-system", id: externalSystemId, address, fingerprint },
        action: "external-system.knock",
        object: externalSystemId,
        result: "UNAUTHORIZED",
        detail: { subject },
      });
      return null;
    });
    changes.tell("external-systems", externalSystemId);
    return fullByThen;
  }

  async function findFull(db: Reader, address: string): Promise<string | null> {
    const { total, fromAddress } = await externalSystemStore.countPending(db, { address, since: pendingCutoff() });
    if (fromAddress >= limits.pendingPerAddress) {
      return `${fromAddress} external systems from ${address} already wait for an administrator's decision`;
    }
    if (total < limits.pendingExternalSystems) return null;
    return `${total} external systems already wait for an administrator's decision`;
  }

  function countKnock(row: ExternalSystemRow): void {
    const key = `${row.id_key} ${row.fingerprint}`;
    const count = (knocks.get(key)?.count ?? 0) + 1;
    knocks.set(key, { idKey: row.id_key, fingerprint: row.fingerprint, count, lastSeenAt: now().toISOString() });
  }

  /** Known: an ID that an administrator has decided about, under whatever certificate. */
  async function countRefusal(
    row: ExternalSystemRow | undefined,
    actor: Actor,
    stranger: StrangerReason,
  ): Promise<void> {
    if (row !== undefined && row.state !== "pending") {
      return refusals.countKnown(`${row.id_key} ${row.fingerprint}`, { actor, reason: row.state });
    }
    const idKey = actor.id.toLowerCase();
    const others = await externalSystemStore.listById(database.read, idKey);
    if (others.every((other) => other.state === "pending")) return refusals.countStranger(stranger);
    // By the ID alone: certificates cost a stranger nothing, so one entry for each would fill the disk.
    return refusals.countKnown(idKey, { actor, reason: "another certificate of a known ID" });
  }

  function flagExpired(row: ExternalSystemRow): void {
    const at = now();
    if (row.valid_to >= at.toISOString()) return;
    const key = `${row.id_key} ${row.fingerprint}`;
    if (at.getTime() - (expiryLogged.get(key) ?? Number.NEGATIVE_INFINITY) < dayMs) return;
    expiryLogged.set(key, at.getTime());
    const { external_system_id: externalSystemId, fingerprint, valid_to: validTo } = row;
    log.warn({ externalSystemId, fingerprint, validTo }, "an accepted external system's certificate has expired");
  }

  return {
    /**
     * Who may order: the pair of ID and client certificate that an administrator accepted. Throws UNAUTHORIZED for
     * every other, and records the first knock of each pair; throws TOO_MANY_PENDING when no more can wait.
     */
    async authorise(request: {
      externalSystemId: string;
      peer: X509Certificate | null;
      address: string;
    }): Promise<{ actor: Actor }> {
      const { externalSystemId, peer } = request;
      if (!idForm.test(externalSystemId)) {
        throw new Problem("BAD_REQUEST", {
          message: "the external system's ID must be 1 to 64 letters, digits or hyphens",
        });
      }
      if (peer === null) {
        refusals.countStranger("no-certificate");
        throw new Problem("UNAUTHORIZED");
      }
      const fingerprint = fingerprintOfPeer(peer);
      const address = cleanText(request.address, 64);
      const key = { idKey: externalSystemId.toLowerCase(), fingerprint };
      const row = await externalSystemStore.find(database.read, key);
      if (row?.state === "accepted") {
        flagExpired(row);
        return { actor: { kind: "external-system", id: row.external_system_id, address, fingerprint } };
      }
      const isFirst = row === undefined || (row.state === "pending" && row.first_seen_at < pendingCutoff());
      const full = isFirst ? await recordFirstKnock({ externalSystemId, peer, address }) : null;
      if (!isFirst) countKnock(row);
      const actor: Actor = { kind: "external-system", id: externalSystemId, address, fingerprint };
      await countRefusal(row, actor, full === null ? "not-accepted" : "too-many-pending");
      throw full === null ? new Problem("UNAUTHORIZED") : new Problem("TOO_MANY_PENDING", { message: full });
    },

    async list(): Promise<ExternalSystem[]> {
      return (await externalSystemStore.list(database.read)).map((row) => present(row, now()));
    },

    /** One page of them, as the console asks. */
    async page(request: Parameters<typeof listExternalSystems>[1]) {
      const { rows, ...page } = await listExternalSystems(database, request);
      return { ...page, items: rows.map((row) => present(row, now())) };
    },

    ...createDecisions({ database, audit, changes, now }),

    /** Writes what was only counted, in one commit. Every few seconds, and with `everything` as the node goes down. */
    async flush(options: { everything?: boolean } = {}): Promise<void> {
      const batch = [...knocks.values()];
      knocks.clear();
      if (batch.length > 0) {
        await externalSystemStore.addKnocks(database, batch);
        changes.tell("external-systems");
      }
      await refusals.flush(options);
    },

    /** Forgets those who waited too long. */
    async sweep(): Promise<void> {
      await database.write((tx) => externalSystemStore.deletePendingBefore(tx, pendingCutoff()));
    },

    /** Strangers refused since the start, by reason: for metrics. */
    strangersRefused: () => refusals.strangers(),
  };
}
