/** What stands in the kernel, in a sentence for people. */
import type { RefusedPart } from "../kit/enforcer.ts";
import type { IsolationTable } from "./isolation-table.ts";
import type { Tampering } from "./saved-isolation.ts";

/** `unguarded`: why another program's flush would take the isolation away; null: it would not. */
export function detailOf(
  table: IsolationTable,
  beside: {
    tampering: Tampering | null;
    blocked: readonly RefusedPart[];
    unguarded: string | null;
    frames: string | null;
  },
): string {
  const { tampering, blocked, unguarded, frames } = beside;
  const facts = [
    `${count(table.mark?.exclusions ?? 0, "exclusion")}, Central Node ${table.centralNode.join(", ")}, IPv4 and IPv6 cut`,
    `${count(table.refusedPackets, "packet")} refused so far`,
  ];
  if (tampering !== null) {
    facts.push(
      `another program took rules away ${count(tampering.times, "time")}, last at ${tampering.lastAt}; they were applied again`,
    );
  }
  if (blocked.length > 0) {
    facts.push(`another firewall on this host blocks ${blocked.map(({ part }) => part).join(", ")}`);
  }
  if (unguarded !== null) facts.push(`a flush by another program would open the host for a moment: ${unguarded}`);
  if (frames !== null) facts.push(frames);
  if (!table.settled) {
    facts.push(
      "conntrack could not be run, so a TCP connection from before may go on where an exclusion names its remote address",
    );
  }
  return facts.join("; ");
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}
