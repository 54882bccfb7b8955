import { lookup } from "node:dns/promises";
import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { join } from "node:path";
import type { CentralNodeEndpoint } from "@cordon/response-actions/enforcers";
import { splitServer } from "./enrolment.ts";
import type { Logger } from "./log.ts";
import { writeStateFile } from "./state-file.ts";

export type CentralNodeAddresses = ReturnType<typeof createCentralNodeAddresses>;

/** How long an isolation waits for names: DNS that answers slowly must not hold it up. */
const lookupTimeoutMs = 2000;
/** Of each name, so that one in front of many machines cannot make the rules of an isolation endless. */
const maxAddresses = 16;

/**
 * Where the Central Nodes are. Names are looked up anew each time, as they may move; while the host is isolated there is
 * no DNS, so what was found last is remembered, also on disk.
 */
export function createCentralNodeAddresses({
  servers,
  stateDir,
  log,
}: {
  servers: string[];
  stateDir: string;
  log: Logger;
}) {
  const path = join(stateDir, "addresses.json");
  const remembered = new Map<string, string[]>(readRemembered(path));
  const parsed = servers.map(splitServer);

  async function addressesOf(host: string): Promise<string[]> {
    if (isIP(host) !== 0) return [host];
    try {
      const found = (await within(lookup(host, { all: true }), lookupTimeoutMs)).map(({ address }) => address);
      const addresses = found.slice(0, maxAddresses);
      if (addresses.join() !== remembered.get(host)?.join()) {
        remembered.set(host, addresses);
        writeStateFile(path, JSON.stringify([...remembered]));
      }
      return addresses;
    } catch (error) {
      const last = remembered.get(host) ?? [];
      log.debug({ host, error: String(error), last }, "the name was not resolved; the addresses known last are used");
      return last;
    }
  }

  async function targets(): Promise<CentralNodeEndpoint[]> {
    const found = await Promise.all(
      parsed.map(async ({ host, port }) => (await addressesOf(host)).map((address) => ({ address, port }))),
    );
    return found.flat();
  }

  return {
    /** In the order in which they should be tried; and what must stay open while the host is isolated. */
    targets,
  };
}

function readRemembered(path: string): [string, string[]][] {
  try {
    // Only `addressesOf` writes this file.
    return JSON.parse(readFileSync(path, "utf8")) as [string, string[]][];
  } catch {
    // Absent or damaged: it is only a memory, and made anew.
    return [];
  }
}

function within<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
