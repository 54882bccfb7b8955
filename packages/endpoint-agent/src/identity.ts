import { createPrivateKey, X509Certificate } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { findFault } from "@cordon/contract";
import { type Static, Type } from "typebox";
import type { Credentials } from "./agent-core.ts";
import { createCertificateRequest } from "./certificate-request.ts";
import type { Clock } from "./host/clock.ts";
import type { Logger } from "./log.ts";
import { writeStateFile } from "./state-file.ts";

/** Who this agent is, in one file, so that key, certificate and authorities can never belong to different times. PEM. */
export const Identity = Type.Object({
  sensorId: Type.String(),
  /** `host:port` of each Central Node. */
  servers: Type.Array(Type.String(), { minItems: 1 }),
  key: Type.String(),
  certificate: Type.String(),
  authorities: Type.String(),
});
export type Identity = Static<typeof Identity>;

export const identityPath = (stateDir: string) => join(stateDir, "identity.json");
/** A renewed identity, until a Central Node has welcomed it; the one before is kept until then. */
const renewedPath = (stateDir: string) => join(stateDir, "identity.renewed.json");

export function readIdentity(stateDir: string): Identity | null {
  return readFile(identityPath(stateDir));
}

export function writeIdentity(stateDir: string, identity: Identity) {
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  chmodSync(stateDir, 0o700);
  rmSync(renewedPath(stateDir), { force: true });
  writeStateFile(identityPath(stateDir), JSON.stringify(identity));
}

export type IdentityKeeper = ReturnType<typeof createIdentityKeeper>;

/**
 * Keeps the identity fresh: asks for a new certificate at two thirds of the life of the one in use, and goes over to it
 * only when a Central Node has welcomed it. Killed at any step, one that works is still on disk.
 */
export function createIdentityKeeper({
  stateDir,
  identity,
  clock,
  log,
  onRenewed,
}: {
  stateDir: string;
  identity: Identity;
  clock: Clock;
  log: Logger;
  /** A new certificate came: connect anew to prove it. */
  onRenewed(): void;
}) {
  let current = identity;
  let renewed = readFile(renewedPath(stateDir));
  let requestedKey: string | null = null;
  let offered: Identity = current;
  let offers = 0;

  const credentials: Credentials = {
    proven(authorities) {
      const trusted = { ...offered, authorities: acceptAuthorities(authorities) ?? offered.authorities };
      if (JSON.stringify(trusted) === JSON.stringify(current)) return;
      writeStateFile(identityPath(stateDir), JSON.stringify(trusted));
      current = trusted;
      if (renewed !== null && offered.certificate === renewed.certificate) {
        rmSync(renewedPath(stateDir), { force: true });
        renewed = null;
        log.info({ validTo: new X509Certificate(current.certificate).validTo }, "the renewed certificate is in use");
      }
      offered = current;
    },
    dueRequest() {
      if (renewed !== null || !isDue(new X509Certificate(current.certificate), clock.wallMs())) return null;
      const { key, certificateRequest } = createCertificateRequest();
      requestedKey = key;
      return certificateRequest;
    },
    renewed(certificate) {
      if (requestedKey === null) return;
      const fault = findCertificateFault({ certificate, key: requestedKey, authorities: current.authorities });
      if (fault !== null) {
        log.error({ fault }, "the renewed certificate is of no use; the one in use is kept");
        return;
      }
      renewed = { ...current, key: requestedKey, certificate };
      requestedKey = null;
      writeStateFile(renewedPath(stateDir), JSON.stringify(renewed));
      offers = 0;
      onRenewed();
    },
  };

  return {
    credentials,
    current: () => current,
    /** Which identity to connect with now: the renewed one and the one before in turn, until one is welcomed. */
    offer(): Identity {
      offered = renewed !== null && offers % 2 === 0 ? renewed : current;
      offers += 1;
      return offered;
    },
  };

  function acceptAuthorities(pem: string): string | null {
    if (pem === current.authorities) return pem;
    const certificates = splitPem(pem);
    try {
      // What cannot be read, or is no CA, would lock the host out for good.
      if (certificates.length > 0 && certificates.every((text) => new X509Certificate(text).ca)) return pem;
    } catch {
      // Unreadable: said below.
    }
    log.error({}, "the Central Node sent authorities that are of no use; the known ones are kept");
    return null;
  }
}

function isDue(certificate: X509Certificate, wallMs: number): boolean {
  const from = certificate.validFromDate.getTime();
  const to = certificate.validToDate.getTime();
  return wallMs >= from + ((to - from) * 2) / 3;
}

export function findCertificateFault(offer: { certificate: string; key: string; authorities: string }): string | null {
  try {
    const certificate = new X509Certificate(offer.certificate);
    if (!certificate.checkPrivateKey(createPrivateKey(offer.key))) return "it is not for the key that was made here";
    const signed = splitPem(offer.authorities).some((text) => {
      const authority = new X509Certificate(text);
      return certificate.checkIssued(authority) && certificate.verify(authority.publicKey);
    });
    return signed ? null : "none of the authorities signed it";
  } catch (error) {
    return String(error);
  }
}

function splitPem(pem: string): string[] {
  return pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
}

function readFile(path: string): Identity | null {
  if (!existsSync(path)) return null;
  const value: unknown = JSON.parse(readFileSync(path, "utf8"));
  if (findFault(Identity, value) !== null) throw new Error(`${path} does not hold an identity`);
  return value as Identity;
}
