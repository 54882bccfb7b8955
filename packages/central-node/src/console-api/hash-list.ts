import { describeFault, Problem } from "@cordon/contract";
import { parse } from "csv-parse";
import { readStixBundle } from "./stix-bundle.ts";

/** One entry of a list of hashes: its line, or in a bundle the number of its object. `fault`: why it is none. */
export type ListedHash = { line: number; hash: string | null; name: string | null; fault: string | null };
export type HashList = { format: "csv" | "lines" | "stix"; entries: ListedHash[] };

/** Longer names are cut: they are labels. */
const maxNameLength = 1024;
const hashForm = /^(?:[0-9a-f]{32}|[0-9a-f]{64})$/i;
const hashHeader = /^"?(sha-?256|md5|hash|file ?hash|indicator|value)"?$/i;
const nameHeader = /^"?(name|file ?name|label|title|description)"?$/i;

/** Reads CSV (hash and name in any columns that a header names, otherwise hash[,name]), one hash a line, or a STIX 2.1 bundle. */
export async function readHashList(text: string): Promise<HashList> {
  const trimmed = text.replace(/^\uFEFF/, "");
  if (/^\s*\{/.test(trimmed)) return { format: "stix", entries: readBundle(trimmed) };
  const first = trimmed.split("\n").find((line) => /^\s*[^\s#]/.test(line)) ?? "";
  const delimiter = /[,;\t]/.exec(first)?.[0];
  return delimiter === undefined
    ? { format: "lines", entries: readLines(trimmed) }
    : { format: "csv", entries: await readCsv(trimmed, delimiter) };
}

function readBundle(text: string): ListedHash[] {
  let bundle: unknown;
  try {
    bundle = JSON.parse(text);
  } catch (error) {
    throw new Problem("BAD_REQUEST", { message: `the list begins as JSON and is none: ${(error as Error).message}` });
  }
  const entries = readStixBundle(bundle);
  if (entries === null) {
    const rule = 'must be a STIX 2.1 bundle: an object with "type": "bundle" and a list of "objects"';
    throw new Problem("BAD_REQUEST", { message: describeFault({ path: ["text"], rule, value: bundle }) });
  }
  return entries.map(({ line, hash, name, fault }) =>
    fault === null ? toEntry(line, hash, name) : { line, hash, name, fault },
  );
}

/** Also as sha256sum prints them: the hash, blanks, and the file's name. */
function readLines(text: string): ListedHash[] {
  return text.split("\n").flatMap((line, index) => {
    const [, hash = "", name = ""] = /^\s*(\S*)\s*\*?(.*?)\s*$/.exec(line) ?? [];
    return hash === "" || hash.startsWith("#") ? [] : [toEntry(index + 1, hash, name)];
  });
}

async function readCsv(text: string, delimiter: string): Promise<ListedHash[]> {
  const entries: ListedHash[] = [];
  let columns: Columns | null = null;
  const records = parse(text, {
    delimiter,
    info: true,
    relax_column_count: true,
    relax_quotes: true,
    skip_empty_lines: true,
    skip_records_with_error: true,
    on_skip: (error) => {
      entries.push({ line: Number(error?.lines ?? 0), hash: null, name: null, fault: "the line is not CSV" });
    },
    trim: true,
    max_record_size: 65_536,
  }) as AsyncIterable<{ record: string[]; info: { lines: number } }>;
  for await (const { record, info } of records) {
    if (record[0]?.startsWith("#") === true) continue;
    if (columns === null) {
      const header = readHeader(record);
      columns = header ?? columnsOf(record);
      if (header !== null) continue;
    }
    const { hash, name }: Columns = columns;
    entries.push(toEntry(info.lines, record[hash] ?? "", record[name] ?? ""));
  }
  return entries;
}

type Columns = { hash: number; name: number };

/** The columns that a header names, or null: it is none. */
function readHeader(record: string[]): Columns | null {
  const hash = record.findIndex((cell) => hashHeader.test(cell));
  return hash === -1 ? null : { hash, name: record.findIndex((cell) => nameHeader.test(cell)) };
}

function columnsOf(record: string[]): Columns {
  const hash = Math.max(
    0,
    record.findIndex((cell) => hashForm.test(cell)),
  );
  return { hash, name: hash === 0 ? 1 : 0 };
}

function toEntry(line: number, hash: string | null, name: string | null): ListedHash {
  const shown = (name ?? "").slice(0, maxNameLength).toWellFormed().replaceAll("\0", "\uFFFD");
  const named = { line, name: shown === "" ? null : shown };
  if (hash !== null && hashForm.test(hash)) return { ...named, hash: hash.toLowerCase(), fault: null };
  const fault = /^([0-9a-f]{40}|[0-9a-f]{128}|[0-9a-f]{96})$/i.test(hash ?? "")
    ? "SHA-1, SHA-384 and SHA-512 cannot be banned: give SHA-256 or MD5"
    : "it is neither 64 hex digits of SHA-256 nor 32 of MD5";
  return { ...named, hash: (hash ?? "").slice(0, 128), fault };
}
