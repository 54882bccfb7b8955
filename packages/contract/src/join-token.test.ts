import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatJoinToken, parseJoinToken } from "./join-token.ts";
import { Problem } from "./problem.ts";

const isRefused = (error: unknown) => error instanceof Problem && error.code === "BAD_REQUEST";
const token = { caFingerprint: "0f".repeat(32), secret: "abcdefghijklmnopqrstuvwxyz-_0123456789ABCDE" };

test("a join token is one string, and pasted with blanks around it still the same", () => {
  const text = formatJoinToken(token);
  assert.equal(text, `cordon1.${token.caFingerprint}.${token.secret}`);
  assert.deepEqual(parseJoinToken(` ${text}\n`), token);
});

test("every token that can be made is read back as it was", () => {
  const hex = fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: 64, maxLength: 64 });
  const base64url = fc.constantFrom(..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");
  const secrets = fc.string({ unit: base64url, minLength: 32, maxLength: 64 });
  fc.assert(
    fc.property(hex, secrets, (caFingerprint, secret) => {
      assert.deepEqual(parseJoinToken(formatJoinToken({ caFingerprint, secret })), { caFingerprint, secret });
    }),
  );
});

test("what is no join token is refused with a word on what one looks like, and without what was pasted", () => {
  const good = formatJoinToken(token);
  for (const text of [
    "",
    "cordon1",
    good.slice(0, -20),
    `${good}=`,
    good.replace("cordon1", "cordon2"),
    good.toUpperCase(),
    `x${good}`,
  ]) {
    assert.throws(() => parseJoinToken(text), isRefused, text);
  }
  assert.throws(
    () => parseJoinToken(`${good}!`),
    (error) =>
      error instanceof Problem && !error.message.includes(token.secret) && /join-token create/.test(error.message),
  );
});
