import type { ExternalSystemRow } from "../database/tables.ts";

export type ExternalSystem = {
  externalSystemId: string;
  fingerprint: string;
  state: ExternalSystemRow["state"];
  name: string | null;
  address: string;
  subject: string;
  validFrom: string;
  validTo: string;
  /** An expired certificate of an accepted system goes on working; somebody should know. */
  expired: boolean;
  firstSeenAt: string;
  lastSeenAt: string;
  /** Requests made while not accepted. */
  knocks: number;
  decidedAt: string | null;
  decidedBy: string | null;
};

export function present(row: ExternalSystemRow, at: Date): ExternalSystem {
  return {
    externalSystemId: row.external_system_id,
    fingerprint: row.fingerprint,
    state: row.state,
    name: row.name,
    address: row.address,
    subject: row.subject,
    validFrom: row.valid_from,
    validTo: row.valid_to,
    expired: row.valid_to < at.toISOString(),
    firstSeenAt: row.first_seen_at,
    lastSeenAt: row.last_seen_at,
    knocks: row.knocks,
    decidedAt: row.decided_at,
    decidedBy: row.decided_by,
  };
}
