import { Problem } from "@cordon/contract";
import type { BannedFile, PreventionWish } from "@cordon/response-actions";
import type { Tx } from "../database/database.ts";
import type { HostService } from "../hosts/host-service.ts";
import { bannedHashStore } from "./banned-hash-store.ts";

/** Details of a RULE_CONFLICT: the first offending file of the wish, and who has it already. */
export type RuleConflict = {
  message: string;
  file: BannedFile;
  hosts: "all" | { sensorId: string; hostName: string }[];
};

/**
 * A hash is banned for all hosts or for single ones, never both: otherwise ending the one would silently leave the other.
 * Throws RULE_CONFLICT. Atomic because it runs in the turn of the transaction that then writes the rule.
 */
export async function refuseConflicts(tx: Tx, hosts: HostService, target: string, wish: PreventionWish): Promise<void> {
  const taken = await bannedHashStore.listConflicting(
    tx,
    target,
    wish.files.map((file) => file.hash),
  );
  const file = wish.files.find((candidate) => taken.has(candidate.hash));
  if (file === undefined) return;
  const details: RuleConflict =
    target === "all"
      ? {
          message: `${file.hash} is in the rule of single hosts: take it out there first, or leave it out here`,
          file,
          hosts: await namesOf(tx, hosts, await bannedHashStore.listHostsWith(tx, file.hash)),
        }
      : { message: `${file.hash} is in the rule of all hosts already, which this host follows`, file, hosts: "all" };
  throw new Problem("RULE_CONFLICT", details);
}

async function namesOf(tx: Tx, hosts: HostService, sensorIds: string[]) {
  const names = [];
  for (const sensorId of sensorIds) {
    const { hostName } = await hosts.require(tx, sensorId);
    names.push({ sensorId, hostName });
  }
  return names;
}
