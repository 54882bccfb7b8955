import { isIP } from "node:net";
import type { AuditRow } from "../database/tables.ts";

/** What was done well is of no interest to most who watch, a refusal is. */
const severityDone = 3;
const severityRefused = 6;

/**
 * One audit entry in ArcSight's Common Event Format. What came from strangers cannot end a field or a line: `\` and `|` are
 * escaped in the header, `\` and `=` in the extension, and line breaks are spelled out.
 */
export function toCef(row: AuditRow, version: string): string {
  const header = ["Cordon", "Central Node", version, row.action, row.action].map(escapeHeader);
  const severity = row.result === "done" ? severityDone : severityRefused;
  const extension: [string, string | null][] = [
    ["rt", String(Date.parse(row.at))],
    ["externalId", String(row.seq)],
    ["act", row.action],
    ["outcome", row.result],
    ["suser", row.actor_id],
    ["src", row.address !== null && isIP(row.address) === 4 ? row.address : null],
    ["c6a2", row.address !== null && isIP(row.address) === 6 ? row.address : null],
    ["c6a2Label", row.address !== null && isIP(row.address) === 6 ? "Source IPv6 Address" : null],
    ["cs1", row.actor_kind],
    ["cs1Label", "actorKind"],
    ["cs2", row.object],
    ["cs2Label", "object"],
    ["cs3", row.hash],
    ["cs3Label", "hash"],
    ["msg", row.detail],
  ];
  const members = extension.flatMap(([name, text]) => (text === null ? [] : [`${name}=${escapeExtension(text)}`]));
  return `CEF:0|${header.join("|")}|${severity}|${members.join(" ")}`;
}

function escapeHeader(text: string): string {
  return text.replaceAll(/[\\|]/g, "\\$&").replaceAll(/[\r\n\u0085\u2028\u2029]+/g, " ");
}

function escapeExtension(text: string): string {
  return text
    .replaceAll(/[\\=]/g, "\\$&")
    .replaceAll("\r", "\\r")
    .replaceAll(/[\n\u0085\u2028\u2029]/g, "\\n");
}
