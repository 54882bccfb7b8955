/** Copies a bundle (see scripts/build-agent.ts) to where it stays, byte for byte as its list of digests says. */
import { createHash } from "node:crypto";
import {
  chmodSync,
  closeSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  writeSync,
} from "node:fs";
import { dirname, join, normalize } from "node:path";

const checksumsName = "SHA256SUMS";
const chunkBytes = 1024 * 1024;

export type Bundle = {
  folder: string;
  version: string;
  /** Names this build among all of this version. */
  id: string;
  files: { path: string; sha256: string }[];
};

/** Null: `folder` holds no bundle. Throws when it holds one that cannot be read. */
export function readBundle(folder: string): Bundle | null {
  let list: string;
  try {
    list = readFileSync(join(folder, checksumsName), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
  const files = list
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [, sha256 = "", path = ""] = /^([0-9a-f]{64}) {2}(.+)$/.exec(line) ?? [];
      if (path === "" || normalize(path) !== path || path.startsWith("..") || path.startsWith("/")) {
        throw new Error(`${join(folder, checksumsName)} has a line that is none: ${line.slice(0, 200)}`);
      }
      return { path, sha256 };
    });
  const version = readFileSync(join(folder, "VERSION"), "utf8").trim();
  if (!/^[0-9A-Za-z][0-9A-Za-z.+~-]{0,63}$/.test(version)) throw new Error(`${folder} does not say its version`);
  return { folder, version, id: createHash("sha256").update(list).digest("hex").slice(0, 12), files };
}

/** Into `target`, which must not be there. All of it is on the disk when this returns; throws when a digest differs. */
export function copyBundle({ folder, files }: Bundle, target: string): void {
  mkdirSync(target, { mode: 0o755 });
  for (const { path, sha256 } of files) {
    mkdirSync(dirname(join(target, path)), { recursive: true, mode: 0o755 });
    const found = copyFile(join(folder, path), join(target, path));
    if (found !== sha256) throw new Error(`${join(folder, path)} is not what the bundle was built with`);
  }
  copyFile(join(folder, checksumsName), join(target, checksumsName));
  for (const directory of new Set([".", ...files.map(({ path }) => dirname(path))])) sync(join(target, directory));
}

/** The files of `bundle` that are missing or not as they were built. */
export function findDamage({ folder, files }: Bundle): string[] {
  return files.filter(({ path, sha256 }) => digestOf(join(folder, path)) !== sha256).map(({ path }) => path);
}

function digestOf(path: string): string | null {
  try {
    return readThrough(path, () => {});
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

/** Returns the SHA-256 of what was copied. */
function copyFile(from: string, to: string): string {
  const { mode } = lstatSync(from);
  const target = openSync(to, "wx", 0o600);
  try {
    const sha256 = readThrough(from, (chunk) => writeSync(target, chunk));
    fsyncSync(target);
    // Not the whole mode: nobody but root is to change what runs as root.
    chmodSync(to, mode & 0o100 ? 0o755 : 0o644);
    return sha256;
  } finally {
    closeSync(target);
  }
}

/** In chunks: the Node in it has over 100 MB. */
function readThrough(path: string, take: (chunk: Buffer) => void): string {
  const hash = createHash("sha256");
  const buffer = Buffer.allocUnsafe(chunkBytes);
  const file = openSync(path, "r");
  try {
    for (;;) {
      const length = readSync(file, buffer);
      if (length === 0) return hash.digest("hex");
      hash.update(buffer.subarray(0, length));
      take(buffer.subarray(0, length));
    }
  } finally {
    closeSync(file);
  }
}

function sync(directory: string): void {
  const file = openSync(directory, "r");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
