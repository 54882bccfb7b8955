/** Fleets that are enrolled once and used by many benchmarks: for each number of hosts a database and the hosts' identities. */
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { startProgram } from "../../system-tests/src/called-program.ts";
import { createFolder, type Owner, thisMachine } from "../../system-tests/src/programs.ts";
import type { EnrolCalls } from "./enrol-program.ts";

const program = new URL("./enrol-program.ts", import.meta.url).href;
/** Below that, starting a second process takes longer than it saves. */
const perProcess = 500;

/** `data`: a Central Node's data directory to copy, and not to use; `identities`: a folder as `startFleet` takes it. */
export type EnrolledFleet = { data: string; identities: string };

/**
 * The fleet of so many hosts in this folder, enrolled now if it is not there. Without a folder one that goes with the
 * owner. It holds private keys, of hosts that exist nowhere.
 */
export async function enrolledFleet(owner: Owner, hosts: number, folder?: string): Promise<EnrolledFleet> {
  const kept = folder ?? createFolder(owner, "fleet");
  const place = join(kept, `hosts-${hosts}`);
  const fleet = { data: join(place, "data"), identities: join(place, "identities") };
  if (existsSync(place)) return fleet;
  mkdirSync(kept, { recursive: true, mode: 0o700 });
  // Under its name only once it is whole: an interrupted run leaves nothing that looks ready.
  const unfinished = mkdtempSync(join(kept, "unfinished-"));
  try {
    mkdirSync(join(unfinished, "data"), { mode: 0o700 });
    await enrolInto(owner, {
      location: join(unfinished, "data", "cordon.db"),
      hosts,
      folder: join(unfinished, "identities"),
    });
    renameSync(unfinished, place);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
  return fleet;
}

/** Enrols so many hosts in the database; `folder` is made, and then holds their identities. */
export async function enrolInto(
  owner: Owner,
  { location, hosts, folder }: { location: string; hosts: number; folder: string },
): Promise<void> {
  const startedMs = performance.now();
  mkdirSync(folder, { mode: 0o700 });
  const enrollers = Array.from({ length: Math.min(availableParallelism(), Math.ceil(hosts / perProcess)) }, () => {
    const enroller = startProgram<EnrolCalls>(thisMachine, program);
    owner.after(() => enroller.kill());
    return enroller;
  });
  // One after the other: the first makes the database.
  for (const enroller of enrollers) await enroller.ask("open", { location });
  const share = Math.ceil(hosts / enrollers.length);
  const files = await Promise.all(
    enrollers.map(async (enroller, index) => {
      const file = join(folder, `part-${index}`);
      await enroller.ask("enrol", { from: index * share, to: Math.min(hosts, (index + 1) * share), file });
      await enroller.ask("close", undefined);
      await enroller.kill();
      return file;
    }),
  );
  for (const file of files) {
    appendFileSync(join(folder, "identities.jsonl"), readFileSync(file), { mode: 0o600 });
    rmSync(file);
  }
  console.error(`enrolled ${hosts} hosts in ${((performance.now() - startedMs) / 1000).toFixed(0)} s`);
}
