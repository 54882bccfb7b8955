/**
 * Enrols hosts straight into a database, with the Central Node's own code and without a Central Node: real keys, requests,
 * certificates and audit entries, for benchmarks that need a fleet and do not measure its enrolment.
 */
import { writeFileSync } from "node:fs";
import { parseJoinToken } from "@cordon/contract";
import { createAuditLog } from "../../packages/central-node/src/audit/audit-log.ts";
import { createChanges } from "../../packages/central-node/src/changes/changes.ts";
import { type Database, openDatabase } from "../../packages/central-node/src/database/database.ts";
import { createCertificateAuthority } from "../../packages/central-node/src/enrolment/certificate-authority.ts";
import { createEnrolmentService } from "../../packages/central-node/src/enrolment/enrolment-service.ts";
import { createHostService } from "../../packages/central-node/src/hosts/host-service.ts";
import { createCertificateRequest } from "../../packages/endpoint-agent/src/certificate-request.ts";
import { serveCalls } from "../../system-tests/src/called-program.ts";
import { hostNameOf, simulatedFacts } from "./fleet/simulated-facts.ts";

/** So many enrolments wait for one commit together. */
const atOnce = 64;
const now = () => new Date();
const actor = { kind: "local-administrator", id: "benchmark", address: null, fingerprint: null } as const;

let database: Database | null = null;

const calls = {
  /** Makes the database where there is none. `location`: `postgres://…` or an SQLite file. */
  async open({ location }: { location: string }): Promise<void> {
    database = await openDatabase(location);
    await createCertificateAuthority({ database, now });
  },

  /** Enrols the hosts with the numbers from `from` until before `to`; their identities go to `file`, one a line. */
  async enrol({ from, to, file }: { from: number; to: number; file: string }): Promise<void> {
    if (database === null) throw new Error("no database is open");
    const audit = createAuditLog({ database, now });
    const changes = createChanges();
    // No Central Node runs on this database, so nobody waits for a nudge.
    const registry = createHostService({ database, audit, changes, now, nudges: { nudge() {} } });
    const authority = await createCertificateAuthority({ database, now });
    const service = createEnrolmentService({ database, audit, authority, hosts: registry, changes, now, log: console });
    const { token } = await service.createJoinToken({ ttlSec: 3600, uses: to - from }, actor);
    const { secret } = parseJoinToken(token);
    const lines: string[] = [];
    let next = from;
    const lane = async () => {
      while (next < to) {
        const number = next;
        next += 1;
        const { key, certificateRequest } = createCertificateRequest();
        const reply = await service.enrol(
          { secret, certificateRequest, facts: simulatedFacts(hostNameOf(number)) },
          "127.0.0.1",
        );
        lines[number - from] = `${JSON.stringify({ ...reply, key, servers: [] })}\n`;
      }
    };
    await Promise.all(Array.from({ length: atOnce }, lane));
    writeFileSync(file, lines.join(""), { mode: 0o600 });
  },

  async close(): Promise<void> {
    await database?.close();
  },
};

export type EnrolCalls = typeof calls;

serveCalls(calls);
