import { Problem } from "@cordon/contract";
import type { BannedFile } from "@cordon/response-actions";
import type { Tx } from "../database/database.ts";
import type { HostService } from "../hosts/host-service.ts";
import type { BannedFileStore } from "./banned-file-store.ts";

/** Details of a RULE_CONFLICT: the first offending file of the wish, and who has it already. */
export type RuleConflict = {
  message: string;
  file: BannedFile;
  hosts: "all" | { sensorId: string; hostName: string }[];
};

/**
 * A hash is banned for all hosts or for single ones, never both: otherwise ending the one would silently leave the other.
 * Throws RULE_CONFLICT. Atomic because it runs in the turn of the transaction that then writes the rule. `added`: the files
 * that the rule did not have before, in the order of the request; the others were looked at when they came.
 */
export async function refuseConflicts(
  tx: Tx,
  { hosts, files }: { hosts: HostService; files: BannedFileStore },
  target: string,
  added: readonly BannedFile[],
): Promise<void> {
  const taken = await files.listConflicting(
    tx,
    target,
    added.map((file) => file.hash),
  );
  const file = added.find((candidate) => taken.has(candidate.hash));
  if (file === undefined) return;
  const details: RuleConflict =
    target === "all"
      ? {
          message: `${file.hash} is in the rule of single hosts: take it out there first, or leave it out here`,
          file,
          hosts: await namesOf(tx, hosts, await files.listHostsWith(tx, file.hash)),
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
