import { once } from "node:events";
import { exitCodes, type Program } from "@cordon/terminal";
import type { ChainCheck } from "../audit/audit-log.ts";
import type { AuditRow } from "../database/tables.ts";
import { type AdminVerbs, dataDirFlag } from "./admin-verb.ts";

export function addAuditCommands(program: Program, { clientOf }: AdminVerbs): void {
  const noun = program.noun("audit", "who changed what, and who was refused");

  noun.verb({
    words: "verify",
    summary: "check that no entry was changed or removed; exit code 1 if one was",
    description:
      "Keep the last hash somewhere else: whoever can rewrite the whole database can make a new chain, but not one with an old hash in it.",
    flags: dataDirFlag,
    parse: (_words, flags) => flags,
    async act(flags, output) {
      const progress = output.progress("checking the audit log");
      try {
        const check = await clientOf(flags).get<ChainCheck>("/audit/verify");
        progress.end();
        output.answer(check, () =>
          check.intact
            ? `intact: ${check.entries} entries, last hash ${check.lastHash}`
            : `broken at entry ${check.brokenAtSeq}: ${check.why}; ${check.entries} entries before it are intact`,
        );
        return check.intact ? exitCodes.done : exitCodes.failed;
      } finally {
        progress.end();
      }
    },
  });

  noun.verb({
    words: "export",
    summary: "print every entry, oldest first, one JSON object a line",
    examples: [["cordon-server audit export > audit.jsonl"]],
    flags: dataDirFlag,
    parse: (_words, flags) => flags,
    async act(flags, { terminal }) {
      const client = clientOf(flags);
      for (let after = 0; ; ) {
        const rows = await client.get<AuditRow[]>(`/audit?after=${after}`);
        const last = rows.at(-1);
        if (last === undefined) return exitCodes.done;
        for (const row of rows) {
          const line = `${JSON.stringify({ ...row, detail: JSON.parse(row.detail) })}\n`;
          // A slow reader must not make this program hold the whole log; one that has left asks for nothing more.
          if (!terminal.stdout.write(line) && !terminal.stdout.destroyed) await once(terminal.stdout, "drain");
        }
        after = last.seq;
      }
    },
  });
}
