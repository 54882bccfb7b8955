/** A Central Node, an external system that it accepted, and a fleet enrolled with it: what the benchmarks of many hosts start from. */
import { randomBytes } from "node:crypto";
import { startProgram } from "../../system-tests/src/called-program.ts";
import { createExternalSystem, curlAs } from "../../system-tests/src/external-system.ts";
import { type Owner, startCentralNode, thisMachine } from "../../system-tests/src/programs.ts";
import { startFleet } from "./fleet/fleet.ts";
import { enrolledFleet } from "./fleet-folder.ts";
import type { P1Calls } from "./p1-program.ts";

const client = new URL("./p1-program.ts", import.meta.url).href;

export type PreparedFleet = Awaited<ReturnType<typeof prepareFleet>>;

/**
 * `fleetFolder`: where fleets that are enrolled already are kept for other benchmarks and runs. `prepared`: the one to use
 * in place of one of its own, for tests, which need not start all of it anew.
 */
export type FleetSize = { hosts: number; fleetFolder?: string | undefined; prepared?: PreparedFleet | undefined };

const connectWithinMs = 10 * 60_000;

export const fleetFor = (owner: Owner, size: FleetSize, flags: string[] = []): Promise<PreparedFleet> =>
  size.prepared === undefined ? prepareFleet(owner, { ...size, flags }) : Promise.resolve(size.prepared);

/** The hosts are enrolled; the caller lets them connect. */
export async function prepareFleet(
  owner: Owner,
  { hosts, fleetFolder, flags = [] }: Omit<FleetSize, "prepared"> & { flags?: string[] },
) {
  const { data, identities } = await enrolledFleet(owner, hosts, fleetFolder);
  const central = await startCentralNode(owner, { flags, dataFrom: data });
  const system = createExternalSystem(owner, { inOneFile: true });
  const pem = system.curlFlags[1] ?? "";
  await curlAs(system, central).get("sensors?sensor_id=00000000-0000-4000-8000-000000000000");
  await central.acceptSystem(system);
  const fleet = await startFleet({ hosts, servers: [new URL(central.api).host], identities });
  owner.after(() => fleet.close());
  const base = `/kata/response_api/v1/${system.id}`;
  const soar = startProgram<P1Calls>(thisMachine, client);
  owner.after(() => soar.kill());
  await soar.ask("connect", { url: central.api, pem });
  let generation = 0;
  let connecting: Promise<void> | null = null;
  return {
    central,
    fleet,
    pem,
    base,
    /** Resolves once all are connected. */
    connect(): Promise<void> {
      connecting ??= fleet.connect(connectWithinMs);
      return connecting;
    },
    /** A prevention rule for all hosts. Resolves once it is accepted, with when it left and how to await it. */
    async ban(hashes: string[]) {
      const body = { settings: { objects: hashes.map((sha256) => ({ file: { sha256 } })) } };
      const path = `${base}/settings?sensor_id=all&settings_type=prevention`;
      const leftMs = await soar.ask("send", { method: "POST", path, body });
      generation += 1;
      return { leftMs, order: { action: "prevention", scope: "all" as const, generation } };
    },
  };
}

export const newHashes = (count: number) => Array.from({ length: count }, () => randomBytes(32).toString("hex"));
