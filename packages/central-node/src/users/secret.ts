import { createHash, createHmac, randomBytes, randomInt, timingSafeEqual } from "node:crypto";

/** 256 bits that nobody guesses. Only `digestOf` it is kept, so that who reads the database cannot use it. */
export const makeSecret = (): string => randomBytes(32).toString("base64url");

export const digestOf = (secret: string): string => createHash("sha256").update(secret).digest("hex");

/** The CSRF token of a session: bound to its cookie, and no way back from it. */
export const csrfTokenOf = (secret: string): string =>
  createHmac("sha256", secret).update("cordon csrf").digest("base64url");

type Account = { user_id: string; password_hash: string };

/**
 * What a browser keeps to show that somebody who knew the password signed in from it before. A new password ends it; nothing
 * of it is stored here, so it counts on every Central Node.
 */
export function makeFamiliarity(account: Account): string {
  const nonce = randomBytes(12).toString("base64url");
  return `${nonce}.${familiarityMac(account, nonce)}`;
}

/** The nonce of a familiar browser, or null. */
export function readFamiliarity(account: Account | undefined, text: string | null): string | null {
  const [nonce, mac] = text?.split(".") ?? [];
  if (account === undefined || nonce === undefined || mac === undefined) return null;
  const [given, expected] = [Buffer.from(mac), Buffer.from(familiarityMac(account, nonce))];
  return given.length === expected.length && timingSafeEqual(given, expected) ? nonce : null;
}

function familiarityMac({ user_id, password_hash }: Account, nonce: string): string {
  return createHmac("sha256", password_hash).update(`cordon familiar ${user_id} ${nonce}`).digest("base64url");
}

const readable = "abcdefghjkmnpqrstuvwxyz23456789";

/** About 99 bits, in groups that can be read out: no letter looks like another one. */
export function makeOneTimePassword(): string {
  const letters = Array.from({ length: 20 }, () => readable[randomInt(readable.length)]);
  return letters.join("").replaceAll(/(.{5})(?=.)/g, "$1-");
}
