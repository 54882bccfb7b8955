import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { isIP } from "node:net";
import { hostname, networkInterfaces } from "node:os";
import { join } from "node:path";
import { centralNodeTlsName } from "@cordon/contract";
import type { KeyAndChain } from "./brought-certificate.ts";
import type { CertificateAuthority } from "./certificate-authority.ts";

type Authority = Pick<CertificateAuthority, "authorities" | "issueServerCertificate">;
type Names = { dns: string[]; ip: string[] };

/** A machine may have hundreds of virtual interfaces; a certificate with all their addresses would not fit a handshake. */
const maxAddresses = 50;
const renewAfterLife = 2 / 3;

/** The server certificate in the data directory, made anew when it is missing, due, lacks a name or the authority changed. */
export async function readOrIssueOwnCertificate(needs: {
  dataDir: string;
  serverNames: string[];
  authority: Authority;
  now: Date;
}): Promise<KeyAndChain & { issuedBecause: string | null }> {
  const { chainFile, keyFile } = filesIn(needs.dataDir);
  const names = namesOfThisMachine(needs.serverNames);
  const found = readPair(chainFile, keyFile);
  const issuedBecause = found === null ? "there was none" : findReissueReason(found, names, needs);
  if (found !== null && issuedBecause === null) return { ...found, issuedBecause };
  const issued = await needs.authority.issueServerCertificate(names);
  // The key first: a crash between the two leaves a pair that does not match, which the next start replaces.
  writePrivateFile(keyFile, issued.key);
  writePrivateFile(chainFile, issued.chain);
  return { ...issued, issuedBecause };
}

/** When the certificate in the data directory ends (ISO 8601); null where there is none that can be read. */
export function readOwnCertificateEnd(dataDir: string): string | null {
  const { chainFile, keyFile } = filesIn(dataDir);
  const pair = readPair(chainFile, keyFile);
  return pair === null ? null : new X509Certificate(pair.chain).validToDate.toISOString();
}

function filesIn(dataDir: string) {
  return { chainFile: join(dataDir, "server-certificate.pem"), keyFile: join(dataDir, "server-key.pem") };
}

function findReissueReason(
  { chain, key }: KeyAndChain,
  names: Names,
  { authority, now }: { authority: Authority; now: Date },
): string | null {
  const leaf = new X509Certificate(chain);
  if (!leaf.checkPrivateKey(createPrivateKey(key))) return "its key did not match";
  const newest = new X509Certificate(authority.authorities());
  if (!leaf.checkIssued(newest) || !leaf.verify(newest.publicKey)) return "the authority changed";
  const fromMs = leaf.validFromDate.getTime();
  const lifeMs = leaf.validToDate.getTime() - fromMs;
  if (now.getTime() - fromMs > lifeMs * renewAfterLife) return "two thirds of its life were over";
  const missing =
    names.dns.find((name) => leaf.checkHost(name) === undefined) ??
    names.ip.find((address) => leaf.checkIP(address) === undefined);
  return missing === undefined ? null : `it did not carry ${missing}`;
}

function namesOfThisMachine(serverNames: string[]): Names {
  const addresses = Object.values(networkInterfaces())
    .flatMap((found) => found ?? [])
    // Link-local addresses mean nothing without the interface, which a certificate cannot name.
    .filter(({ address }) => !address.startsWith("fe80:"))
    .map(({ address }) => address)
    .slice(0, maxAddresses);
  const all = [centralNodeTlsName, "localhost", hostname(), ...serverNames, "127.0.0.1", "::1", ...addresses];
  const unique = [...new Set(all)];
  return {
    dns: unique.filter((name) => isIP(name) === 0 && isDnsName(name)),
    ip: unique.filter((name) => isIP(name) !== 0),
  };
}

/** A machine's name may hold what a certificate's DNS name may not. */
function isDnsName(name: string): boolean {
  return (
    name.length <= 253 &&
    /^(\*\.)?[0-9A-Za-z]([0-9A-Za-z-]*[0-9A-Za-z])?(\.[0-9A-Za-z]([0-9A-Za-z-]*[0-9A-Za-z])?)*$/.test(name)
  );
}

function readPair(chainFile: string, keyFile: string): KeyAndChain | null {
  try {
    const pair = { chain: readFileSync(chainFile, "utf8"), key: readFileSync(keyFile, "utf8") };
    // Parsed here, so that damaged files are replaced as missing ones are.
    new X509Certificate(pair.chain);
    createPrivateKey(pair.key);
    return pair;
  } catch {
    return null;
  }
}

function writePrivateFile(file: string, content: string): void {
  const temporary = `${file}.new`;
  writeFileSync(temporary, content, { mode: 0o600, flush: true });
  renameSync(temporary, file);
}
