import { createHash, randomBytes, randomUUID, type X509Certificate } from "node:crypto";
import { type EnrolReply, type EnrolRequest, formatJoinToken, type HostFacts, Problem } from "@cordon/contract";
import type { Logger } from "pino";
import type { Actor } from "../audit/actor.ts";
import type { AuditLog } from "../audit/audit-log.ts";
import type { Changes } from "../changes/changes.ts";
import type { Database, Tx } from "../database/database.ts";
import type { JoinTokenRow } from "../database/tables.ts";
import { agentCertificateStore } from "./agent-certificate-store.ts";
import { type CertificateAuthority, fingerprintOf } from "./certificate-authority.ts";
import { joinTokenStore } from "./join-token-store.ts";

/** `secret` is not in it: only its digest is kept. */
export type JoinTokenState = { id: string; createdAt: string; expiresAt: string; usesLeft: number };
export type EnrolmentService = ReturnType<typeof createEnrolmentService>;

const joinTokenBounds = { minTtlSec: 60, maxTtlSec: 30 * 86_400, minUses: 1, maxUses: 100_000 } as const;

/** One in use, one renewed, and one whose delivery may have been lost. */
const maxCertificatesPerHost = 3;
/** Kept so long after their end that the log can still tell an expired token from an unknown one. */
const keptAfterExpiryMs = 7 * 86_400_000;
const refusalLogIntervalMs = 10_000;

export function createEnrolmentService(needs: {
  database: Database;
  audit: AuditLog;
  authority: CertificateAuthority;
  hosts: { register(tx: Tx, host: { sensorId: string; facts: HostFacts; at: string }): Promise<void> };
  changes: Pick<Changes, "tell">;
  now: () => Date;
  log: Pick<Logger, "warn">;
}) {
  const { database, audit, authority, hosts, changes, now, log } = needs;
  let refusals = 0;
  let refusalsLogged = 0;
  let refusalLoggedAtMs = Number.NEGATIVE_INFINITY;

  /** One answer for all reasons: a stranger learns nothing about tokens. The reason is in the log. */
  function refuse(reason: string, address: string | null): Problem {
    refusals += 1;
    const atMs = now().getTime();
    // A stranger who tries on and on must not fill the disk with log lines.
    if (atMs - refusalLoggedAtMs >= refusalLogIntervalMs) {
      log.warn({ reason, address, refusalsSinceLast: refusals - refusalsLogged }, "refused an enrolment");
      refusalLoggedAtMs = atMs;
      refusalsLogged = refusals;
    }
    return new Problem("UNAUTHORIZED", {
      message: "the join token is not valid: make a new one with `cordon-server join-token create`",
    });
  }

  function findTokenFault(token: JoinTokenRow | undefined): string | null {
    if (token === undefined) return "unknown join token";
    if (token.expires_at <= now().toISOString()) return `join token ${token.id} has expired`;
    return token.uses_left > 0 ? null : `join token ${token.id} is used up`;
  }

  return {
    /** `token` is the text to paste on hosts; it cannot be shown again. Throws BAD_REQUEST outside of the bounds below. */
    async createJoinToken(
      { ttlSec, uses }: { ttlSec: number; uses: number },
      actor: Actor,
    ): Promise<{ token: string; state: JoinTokenState }> {
      const { minTtlSec, maxTtlSec, minUses, maxUses } = joinTokenBounds;
      if (!(ttlSec >= minTtlSec && ttlSec <= maxTtlSec)) {
        throw new Problem("BAD_REQUEST", { message: `a join token is valid for 1 minute to 30 days, not ${ttlSec} s` });
      }
      if (!(Number.isInteger(uses) && uses >= minUses && uses <= maxUses)) {
        throw new Problem("BAD_REQUEST", { message: `a join token has ${minUses} to ${maxUses} uses, not ${uses}` });
      }
      const secret = randomBytes(32).toString("base64url");
      const at = now();
      const row = {
        id: randomUUID(),
        secret_digest: digestOf(secret),
        created_at: at.toISOString(),
        expires_at: new Date(at.getTime() + ttlSec * 1000).toISOString(),
        uses_left: uses,
      };
      await database.writeInTurn(async (tx) => {
        await joinTokenStore.insert(tx, row);
        await audit.append(tx, {
          actor,
          action: "join-token.create",
          object: row.id,
          result: "done",
          detail: { uses, expiresAt: row.expires_at },
        });
      });
      changes.tell("join-tokens", row.id);
      const token = formatJoinToken({ caFingerprint: authority.newestFingerprint(), secret });
      return { token, state: present(row) };
    },

    /** Those that can still be used, and those that were used up or expired in the last days. */
    async listJoinTokens(): Promise<JoinTokenState[]> {
      const rows = await joinTokenStore.list(database.read);
      return rows.map(present);
    },

    async revokeJoinToken(id: string, actor: Actor): Promise<void> {
      await database.writeInTurn(async (tx) => {
        if (!(await joinTokenStore.delete(tx, id))) {
          throw new Problem("NOT_FOUND", { message: `there is no join token ${id}` });
        }
        await audit.append(tx, { actor, action: "join-token.revoke", object: id, result: "done" });
      });
      changes.tell("join-tokens", id);
    },

    /** Throws UNAUTHORIZED for a token that is unknown, expired or used up; a refused request takes no use of it. */
    async enrol(request: EnrolRequest, address: string | null): Promise<EnrolReply> {
      const digest = digestOf(request.secret);
      // Looked at first, so that a stranger cannot make this node sign certificates.
      const fault = findTokenFault(await joinTokenStore.findByDigest(database.read, digest));
      if (fault !== null) throw refuse(fault, address);
      const sensorId = randomUUID();
      const certificate = await authority.issueAgentCertificate(sensorId, request.certificateRequest);
      const enrolled = await database.writeInTurn(async (tx) => {
        const at = now().toISOString();
        const token = await joinTokenStore.consume(tx, digest, at);
        if (token === undefined) return false;
        await hosts.register(tx, { sensorId, facts: request.facts, at });
        await agentCertificateStore.insert(tx, { ...certificate, sensorId, issuedAt: at });
        await audit.append(tx, {
          actor: { kind: "agent", id: sensorId, address, fingerprint: certificate.fingerprint },
          action: "host.enrol",
          object: sensorId,
          result: "done",
          detail: { joinToken: token.id },
        });
        return true;
      });
      if (!enrolled) {
        throw refuse(findTokenFault(await joinTokenStore.findByDigest(database.read, digest)) ?? "used up", address);
      }
      changes.tell("hosts", sensorId);
      changes.tell("join-tokens");
      return { sensorId, certificate: certificate.pem, authorities: authority.authorities() };
    },

    /**
     * A new certificate for a host that is enrolled. The one in use and the newest others stay valid until their end.
     * Throws NOT_FOUND when the host was removed.
     */
    async renew(sensorId: string, certificateRequest: string, inUse: X509Certificate): Promise<string> {
      const certificate = await authority.issueAgentCertificate(sensorId, certificateRequest);
      const fingerprintInUse = fingerprintOf(inUse.raw);
      await database.writeInTurn(async (tx) => {
        const earlier = await agentCertificateStore.fingerprintsOf(tx, sensorId);
        // Also what a removal leaves: nothing. So no certificate outlives its host.
        if (earlier.length === 0) throw new Problem("NOT_FOUND", { message: `there is no host ${sensorId}` });
        const kept = [fingerprintInUse, ...earlier.filter((fingerprint) => fingerprint !== fingerprintInUse)];
        await agentCertificateStore.delete(tx, kept.slice(maxCertificatesPerHost - 1));
        await agentCertificateStore.insert(tx, { ...certificate, sensorId, issuedAt: now().toISOString() });
        await audit.append(tx, {
          actor: { kind: "agent", id: sensorId, address: null, fingerprint: fingerprintInUse },
          action: "host.renew-certificate",
          object: sensorId,
          result: "done",
          detail: { renewed: certificate.fingerprint, notAfter: certificate.notAfter },
        });
      });
      return certificate.pem;
    },

    /** The sensor ID of the enrolled host that this certificate stands for, or null. Asks the database each time. */
    async agentOf(peer: X509Certificate): Promise<string | null> {
      const sensorId = authority.identifyAgent(peer);
      if (sensorId === null) return null;
      return (await agentCertificateStore.isKnown(database.read, fingerprintOf(peer.raw), sensorId)) ? sensorId : null;
    },

    /** Takes part in the removal of a host: from the commit on its certificates open nothing. */
    forget: (tx: Tx, sensorId: string): Promise<void> => agentCertificateStore.deleteOfHost(tx, sensorId),

    /** Drops join tokens that ended long ago. */
    async sweep(): Promise<void> {
      const before = new Date(now().getTime() - keptAfterExpiryMs).toISOString();
      await database.write((tx) => joinTokenStore.deleteExpired(tx, before));
    },

    /** Enrolments refused since the start. */
    refusals: (): number => refusals,
  };
}

function present(row: JoinTokenRow): JoinTokenState {
  return { id: row.id, createdAt: row.created_at, expiresAt: row.expires_at, usesLeft: row.uses_left };
}

function digestOf(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}
