import { Problem } from "./problem.ts";

/**
 * A join token is one string that an administrator pastes on a host: it carries the fingerprint of the Central Node's CA,
 * so that the agent knows whom it talks to, and a secret that the Central Node keeps only as a digest.
 * Form: `cordon1.<SHA-256 of the CA certificate's DER, hex>.<secret, base64url>`.
 */
export type JoinToken = { caFingerprint: string; secret: string };

const form = /^cordon1\.([0-9a-f]{64})\.([0-9A-Za-z_-]{32,64})$/;

export function formatJoinToken(token: JoinToken): string {
  return `cordon1.${token.caFingerprint}.${token.secret}`;
}

export function parseJoinToken(text: string): JoinToken {
  const match = form.exec(text.trim());
  const [, caFingerprint, secret] = match ?? [];
  if (caFingerprint === undefined || secret === undefined) {
    throw new Problem("BAD_REQUEST", {
      message:
        "this is not a join token: one looks like cordon1.<64 hex digits>.<secret>; make one with `cordon-server join-token create`",
    });
  }
  return { caFingerprint, secret };
}
