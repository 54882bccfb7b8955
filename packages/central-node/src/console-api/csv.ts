import { Readable } from "node:stream";

/** One row of CSV (RFC 4180). A cell that a spreadsheet would take for a formula gets an apostrophe before it: hosts choose their names. */
function csvRow(cells: readonly (string | number | boolean | null)[]): string {
  return `${cells.map(toCell).join(",")}\r\n`;
}

function toCell(value: string | number | boolean | null): string {
  if (value === null) return "";
  if (typeof value !== "string") return String(value);
  const safe = /^[\s\0]*[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n;']|^\s|\s$/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

type Page<T> = { items: T[]; nextCursor: string | null };

/** A whole list as CSV, read page by page while it is sent. */
export function csvOf<T>(
  header: readonly string[],
  listPage: (cursor: string | null) => Promise<Page<T>>,
  toCells: (item: T) => readonly (string | number | boolean | null)[],
): Readable {
  async function* rows() {
    yield csvRow(header);
    for (let cursor: string | null = null; ; ) {
      const page: Page<T> = await listPage(cursor);
      yield page.items.map((item) => csvRow(toCells(item))).join("");
      cursor = page.nextCursor;
      if (cursor === null) return;
    }
  }
  return Readable.from(rows(), { objectMode: false });
}
