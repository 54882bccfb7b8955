import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { failure } from "@cordon/terminal";
import type { FileHash } from "../wire.ts";

export const hashHelp = [
  "HASH is a SHA-256 (64 hex digits) or MD5 (32) of a file's content, @FILE for a file with one a line,",
  "or - for the same on standard input. In such a list, blank lines and lines that start with # are skipped",
  "and what follows the hash on its line is ignored, so that the output of sha256sum will do.",
  "--file PATH takes the SHA-256 of a file on this machine.",
].join("\n");

/** Where hashes come from, as typed: read only when acted on. */
export type HashSource = { hash: FileHash } | { file: string } | { stdin: true } | { contentOf: string };

export function parseHashSources(words: string[]): HashSource[] {
  return words.map((word) => {
    if (word === "-") return { stdin: true };
    if (word.startsWith("@")) return { file: word.slice(1) };
    return { hash: parseHash(word) };
  });
}

/** All hashes, each once, in the order given. */
export async function readHashes(sources: HashSource[], stdin: Readable): Promise<FileHash[]> {
  const hashes = new Map<string, FileHash>();
  for (const source of sources) {
    for (const hash of await readSource(source, stdin)) hashes.set(keyOf(hash), hash);
  }
  return [...hashes.values()];
}

export function keyOf({ algorithm, hash }: FileHash): string {
  return `${algorithm}:${hash}`;
}

async function readSource(source: HashSource, stdin: Readable): Promise<FileHash[]> {
  if ("hash" in source) return [source.hash];
  if ("file" in source) return parseLines(await readFile(source.file, "utf8"), source.file);
  if ("contentOf" in source) return [{ algorithm: "sha256", hash: await hashOf(source.contentOf) }];
  return parseLines(await text(stdin), "standard input");
}

/** SHA-256 of a local file, read piece by piece. */
async function hashOf(path: string): Promise<string> {
  const digest = createHash("sha256");
  await pipeline(createReadStream(path), digest);
  return digest.digest("hex");
}

function parseLines(content: string, where: string): FileHash[] {
  return content.split("\n").flatMap((line, index) => {
    const [word = ""] = line.trim().split(/\s+/);
    return word === "" || word.startsWith("#") ? [] : [parseHash(word, `${where}, line ${index + 1}: `)];
  });
}

function parseHash(word: string, where = ""): FileHash {
  const hash = word.toLowerCase();
  if (/^[0-9a-f]{64}$/.test(hash)) return { algorithm: "sha256", hash };
  if (/^[0-9a-f]{32}$/.test(hash)) return { algorithm: "md5", hash };
  throw failure("USAGE", `${where}a hash must be 64 hex digits of SHA-256 or 32 of MD5, not "${word}"`);
}
