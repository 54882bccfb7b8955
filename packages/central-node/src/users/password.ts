import { argon2, randomBytes, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import { Problem } from "@cordon/contract";

/** OWASP's first choice for argon2id: 19 MiB, two passes, one lane. Each hash carries them, so they may rise later. */
const memoryKiB = 19_456;
const passes = 2;
const lanes = 1;
const tagLength = 32;

/** Hashes at once: they fill Node's threads, which files and name look-ups need as well. */
const maxHashing = 2;
const maxWaiting = 50;

/** Kept in the place of a hash for who has no password here. */
export const noPassword = "none";

/** A PHC string: `$argon2id$v=19$m=…,t=…,p=…$salt$hash`. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  const hash = await compute(password, { salt, memory: memoryKiB, passes, lanes });
  return `$argon2id$v=19$m=${memoryKiB},t=${passes},p=${lanes}$${unpadded(salt)}$${unpadded(hash)}`;
}

/** Takes its time also where `phc` is null or no hash: how long it took then tells nothing. Throws TOO_MANY_REQUESTS. */
export async function verifyPassword(password: string, phc: string | null): Promise<boolean> {
  const match = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([0-9A-Za-z+/]+)\$([0-9A-Za-z+/]+)$/.exec(phc ?? "");
  const [, memory = memoryKiB, time = passes, parallelism = lanes, salt, expected] = match ?? [];
  const hash = await compute(password, {
    salt: salt === undefined ? Buffer.alloc(16) : Buffer.from(salt, "base64"),
    memory: Number(memory),
    passes: Number(time),
    lanes: Number(parallelism),
  });
  if (expected === undefined) return false;
  const wanted = Buffer.from(expected, "base64");
  return wanted.length === hash.length && timingSafeEqual(wanted, hash);
}

let hashing = 0;
const waiting: (() => void)[] = [];

async function compute(
  password: string,
  how: { salt: Buffer; memory: number; passes: number; lanes: number },
): Promise<Buffer> {
  if (waiting.length >= maxWaiting) {
    throw new Problem("TOO_MANY_REQUESTS", { message: "too many sign in at once: try again soon", retryAfterSec: 2 });
  }
  if (hashing >= maxHashing) await new Promise<void>((resolve) => waiting.push(resolve));
  else hashing += 1;
  try {
    return await promisify(argon2)("argon2id", {
      // The same letters typed on two keyboards may come as different code points.
      message: password.normalize("NFKC"),
      nonce: how.salt,
      parallelism: how.lanes,
      tagLength,
      memory: how.memory,
      passes: how.passes,
    });
  } finally {
    const next = waiting.shift();
    // The place goes to whoever waits longest.
    if (next === undefined) hashing -= 1;
    else next();
  }
}

function unpadded(bytes: Buffer): string {
  return bytes.toString("base64").replace(/=+$/, "");
}
