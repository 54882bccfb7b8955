import { Readable } from "node:stream";
import type { AuditRecord } from "@cordon/contract/console-api";
import type { AuditLog, ChainCheck } from "../audit/audit-log.ts";
import type { AuditRow } from "../database/tables.ts";
import { toCef } from "./cef.ts";
import type { Downloads, Handlers } from "./handlers.ts";

export function createAuditHandlers({
  audit,
}: {
  audit: Pick<AuditLog, "page" | "verify">;
}): Pick<Handlers, "listAudit" | "verifyAudit"> {
  let verifying: Promise<ChainCheck> | null = null;

  return {
    async listAudit({ query }) {
      const { rows, ...page } = await audit.page(query);
      return { ...page, items: rows.map(present) };
    },
    /** Reads the whole log: those who ask at once share one reading. */
    async verifyAudit() {
      verifying ??= audit.verify().finally(() => {
        verifying = null;
      });
      const check = await verifying;
      return check.intact ? { ...check, brokenAtSeq: null, why: null } : { ...check, lastHash: null };
    },
  };
}

export function createAuditDownloads(needs: {
  audit: Pick<AuditLog, "stream">;
  version: string;
  now: () => Date;
}): Pick<Downloads, "auditJsonLines" | "auditCef"> {
  const { audit, version, now } = needs;
  const day = () => now().toISOString().slice(0, 10);

  return {
    /** As `cordon-server audit export`: with all that the chain's hashes are made of. */
    auditJsonLines: async ({ query }) => ({
      fileName: `cordon-audit-${day()}.jsonl`,
      content: linesOf(audit.stream(query.filter), (row) => JSON.stringify({ ...row, detail: JSON.parse(row.detail) })),
    }),
    auditCef: async ({ query }) => ({
      fileName: `cordon-audit-${day()}.cef`,
      content: linesOf(audit.stream(query.filter), (row) => toCef(row, version)),
    }),
  };
}

function linesOf(rows: AsyncGenerator<AuditRow>, lineOf: (row: AuditRow) => string): Readable {
  async function* lines() {
    for await (const row of rows) yield `${lineOf(row)}\n`;
  }
  return Readable.from(lines());
}

function present(row: AuditRow): AuditRecord {
  return {
    seq: row.seq,
    at: row.at,
    actorKind: row.actor_kind,
    actorId: row.actor_id,
    address: row.address,
    action: row.action,
    object: row.object,
    result: row.result,
    detail: JSON.parse(row.detail),
    hash: row.hash,
  };
}
