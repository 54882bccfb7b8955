import type { BenchRow } from "./bench-row.ts";

/** Three figures that count, as a person reads them. */
function figure(value: number): string {
  return value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : value >= 0.1 ? 2 : 3);
}

/** As Markdown: it is read in a terminal, and goes into bench/RESULTS.md as it is. */
export function asTable(rows: readonly BenchRow[]): string {
  const head = ["", "figure", "value", "floor", "ratio", "p99", "spread", "target", "met", "note"];
  const body = rows.map((row) => [
    row.id,
    row.figure,
    `${figure(row.value)} ${row.unit}`,
    `${figure(row.floor)} ${row.unit}`,
    row.ratio.toFixed(2),
    row.p99Ratio?.toFixed(2) ?? "",
    row.spread,
    row.target,
    row.met ? "yes" : "**no**",
    row.note,
  ]);
  const widths = head.map((title, at) => Math.max(title.length, ...body.map((cells) => cells[at]?.length ?? 0)));
  const line = (cells: string[]) => `| ${cells.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(" | ")} |`;
  return [line(head), `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`, ...body.map(line)].join("\n");
}
