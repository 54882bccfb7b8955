import type { X509Certificate } from "node:crypto";
import { cleanText } from "../text/clean-text.ts";

export type ClientCertificate = { fingerprint: string; subject: string; validFrom: string; validTo: string };

/** Enough for every honest name; a hostile one may be as long as a TLS record allows. */
const maxSubjectLength = 512;

/** A certificate is one object for all requests of its connection. */
const fingerprints = new WeakMap<X509Certificate, string>();

/** SHA-256 of the DER, lower-case hex. */
export function fingerprintOfPeer(peer: X509Certificate): string {
  let fingerprint = fingerprints.get(peer);
  if (fingerprint === undefined) {
    fingerprint = peer.fingerprint256.replaceAll(":", "").toLowerCase();
    fingerprints.set(peer, fingerprint);
  }
  return fingerprint;
}

/** What is shown of a stranger's certificate. Nothing in it is verified, and all of it is hostile. */
export function describeClientCertificate(peer: X509Certificate): ClientCertificate {
  return {
    fingerprint: fingerprintOfPeer(peer),
    // Node puts each part of the name on a line of its own, and gives nothing for an empty name.
    subject: cleanText((peer.subject ?? "").split("\n").join(", "), maxSubjectLength),
    validFrom: isoDate(peer.validFrom),
    validTo: isoDate(peer.validTo),
  };
}

/**
 * A certificate may carry a date that is none; it then counts as long past, and is shown as expired. Read from the text, which
 * says so: `validToDate` was seen to give whatever stood in memory.
 */
function isoDate(text: string): string {
  const ms = Date.parse(text);
  return new Date(Number.isNaN(ms) ? 0 : ms).toISOString();
}
