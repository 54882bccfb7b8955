import CliTable from "cli-table3";
import { printable } from "./printable.ts";

/** A piece of text, with a style that does not come from the text itself; `null` and `undefined` show as a dash. */
export type Cell = string | number | null | undefined | { text: string; style: (text: string) => string };

const noBorders = Object.fromEntries(
  [
    ...["top", "top-mid", "top-left", "top-right", "bottom", "bottom-mid", "bottom-left", "bottom-right"],
    ...["left", "left-mid", "mid", "mid-mid", "right", "right-mid"],
  ].map((name) => [name, ""]),
);

/** Columns under a head, without borders. Hostile text in a cell is made printable. */
export function table(head: string[], rows: Cell[][]): string {
  return grid([head.map((text) => text.toUpperCase()), ...rows]);
}

/** `name  value` lines. Pairs with an undefined value are left out. */
export function keyValues(pairs: [name: string, value: Cell][]): string {
  return grid(pairs.filter(([, value]) => value !== undefined).map(([name, value]) => [`${name}:`, value]));
}

function grid(rows: Cell[][]): string {
  const cliTable = new CliTable({
    chars: { ...noBorders, middle: "  " },
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
  });
  cliTable.push(...rows.map((row) => row.map(show)));
  return cliTable
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
}

function show(cell: Cell): string {
  if (cell === null || cell === undefined || cell === "") return "-";
  if (typeof cell === "object") return cell.style(printable(cell.text));
  return printable(String(cell));
}
