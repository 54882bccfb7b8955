import { argon2, randomBytes } from "node:crypto";
import { promisify } from "node:util";

/** OWASP's first choice for argon2id: 19 MiB, two passes, one lane. Each hash carries them, so they may rise later. */
const memoryKiB = 19_456;
const passes = 2;
const lanes = 1;

/** A PHC string: `$argon2id$v=19$m=…,t=…,p=…$salt$hash`. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  const hash = await promisify(argon2)("argon2id", {
    // The same letters typed on two keyboards may come as different code points.
    message: password.normalize("NFKC"),
    nonce: salt,
    parallelism: lanes,
    tagLength: 32,
    memory: memoryKiB,
    passes,
  });
  return `$argon2id$v=19$m=${memoryKiB},t=${passes},p=${lanes}$${unpadded(salt)}$${unpadded(hash)}`;
}

function unpadded(bytes: Buffer): string {
  return bytes.toString("base64").replace(/=+$/, "");
}
