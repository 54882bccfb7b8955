import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createPrivateKey, createPublicKey } from "node:crypto";
import { test } from "node:test";
import { createCertificateRequest } from "./certificate-request.ts";

test("openssl reads the request, verifies its signature, and finds the key's public half in it", () => {
  const { key, certificateRequest } = createCertificateRequest();
  const openssl = (...args: string[]) =>
    execFileSync("openssl", ["req", ...args, "-noout"], {
      input: certificateRequest,
      stdio: ["pipe", "pipe", "pipe"],
    }).toString();
  assert.doesNotThrow(() => openssl("-verify"));
  const publicKey = createPublicKey(createPrivateKey(key)).export({ format: "pem", type: "spki" });
  assert.equal(openssl("-pubkey"), publicKey);
});
