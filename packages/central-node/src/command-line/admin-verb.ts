import type { Command } from "commander";
import type { AdminClient } from "./admin-client.ts";

/** What the verbs that administer a running node have in common. */
export type AdminVerbs = { clientOf(flags: Record<string, unknown>): AdminClient };

export function dataDirFlag(command: Command): Command {
  return command.option("--data-dir <folder>", "the running node's data directory (default: /var/lib/cordon)");
}

export function optionalText(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
