import { Problem } from "@cordon/contract";
import type { ImportLine, ImportPreview } from "@cordon/contract/console-api";
import type { BannedFile } from "@cordon/response-actions";
import type { Static } from "typebox";
import type { PreventionRuleService, RuleHosts, RuleOrder } from "../settings/prevention-rule-service.ts";
import { readHashList } from "./hash-list.ts";

type Line = Static<typeof ImportLine>;

const shownNew = 100;
const shownOfOthers = 500;
/** As many as one scope holds. */
const maxEntries = 100_000;

/** Lists of hashes from elsewhere: what importing one would do, and importing it. */
export function createPreventionImport({ rules }: { rules: Pick<PreventionRuleService, "sortOut" | "import"> }) {
  async function read(text: string, scope: RuleHosts): Promise<{ preview: ImportPreview; fresh: BannedFile[] }> {
    const { format, entries } = await readHashList(text);
    if (entries.length > maxEntries) {
      throw new Problem("BAD_REQUEST", {
        message: `the list has ${entries.length} entries: at most ${maxEntries} can be imported, import it in parts`,
      });
    }
    const hashes = new Set(
      entries.flatMap((entry) => (entry.fault === null && entry.hash !== null ? [entry.hash] : [])),
    );
    const verdictOf = await rules.sortOut(scope, [...hashes]);
    const counts = { new: 0, known: 0, conflicting: 0, malformed: 0, duplicate: 0 };
    const lines: Line[] = [];
    const fresh: BannedFile[] = [];
    const seen = new Set<string>();
    for (const { line, hash, name, fault } of entries) {
      const { verdict, why } = judge(hash, fault);
      counts[verdict] += 1;
      if (counts[verdict] <= (verdict === "new" ? shownNew : shownOfOthers))
        lines.push({ line, hash, name, verdict, why });
      if (verdict !== "new" || hash === null) continue;
      fresh.push({ algorithm: hash.length === 32 ? "md5" : "sha256", hash, name });
    }
    return { preview: { format, counts, lines }, fresh };

    function judge(hash: string | null, fault: string | null): Pick<Line, "verdict" | "why"> {
      if (fault !== null || hash === null) return { verdict: "malformed", why: fault };
      if (seen.has(hash)) return { verdict: "duplicate", why: "it is further up in the list" };
      seen.add(hash);
      const found = verdictOf(hash);
      return { verdict: found.verdict, why: found.verdict === "new" ? null : found.message };
    }
  }

  return {
    preview: async (text: string, scope: RuleHosts): Promise<ImportPreview> => (await read(text, scope)).preview,

    /** Imports those that are new. What it came to is what the preview said, unless something was ordered meanwhile. */
    async import(order: RuleOrder, text: string, scope: RuleHosts): Promise<ImportPreview> {
      const { preview, fresh } = await read(text, scope);
      const imported = fresh.length === 0 ? 0 : await rules.import(order, scope, fresh);
      const since = fresh.length - imported;
      return {
        ...preview,
        counts: { ...preview.counts, new: imported, known: preview.counts.known + since },
      };
    },
  };
}
