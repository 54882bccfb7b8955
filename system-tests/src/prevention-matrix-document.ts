/** The bypass matrix as docs/limitations.md shows it. */
import { type Way, ways } from "./prevention-matrix.ts";
import type { EngineName } from "./prevention-matrix-engine.ts";

const columns: readonly { engine: EngineName; title: string }[] = [
  { engine: "cordon", title: "Cordon" },
  { engine: "cordon-scripts", title: "Cordon, `scripts`" },
  { engine: "fapolicyd", title: "fapolicyd" },
  { engine: "fapolicyd-strict", title: "fapolicyd, strictest" },
];

/** The table's lines, with its head. What runs stands out: that is what the reader looks for. */
export function matrixAsMarkdown(): string {
  return [
    `| the banned file is started … | ${columns.map(({ title }) => title).join(" | ")} |`,
    `|---|${"---|".repeat(columns.length)}`,
    ...ways.map((way) => `| ${way.name} | ${columns.map(({ engine }) => cell(way, engine)).join(" | ")} |`),
  ].join("\n");
}

function cell(way: Way, engine: EngineName): string {
  if (way.isRaceFor?.includes(engine)) return "**race**";
  if (way.deniedBy.includes(engine)) return "denied";
  return way.isHarmless ? "runs" : "**runs**";
}
