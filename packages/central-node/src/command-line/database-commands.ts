import { existsSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { type Environment, exitCodes, failure, type Program, table } from "@cordon/terminal";
import type { Command } from "commander";
import { claimDataDir, type DataDirClaim } from "../admin-socket/data-dir.ts";
import { createAuditLog } from "../audit/audit-log.ts";
import { copyDatabase } from "../database/copy-database.ts";
import { countConnectedNodes } from "../database/copy-source.ts";
import { openDatabase } from "../database/database.ts";
import { markAsMoved } from "../database/migrate.ts";
import { isPostgres } from "../database/postgres.ts";

/** The verbs about databases that no node has open. */
export function addDatabaseCommands(
  program: Program,
  { environment, now }: { environment: Environment; now: () => Date },
): void {
  const noun = program.noun("database", "what a node keeps, while no node has it open");

  noun.verb({
    words: "copy",
    summary: "move a database between SQLite and PostgreSQL, or copy a PostgreSQL of running nodes as a backup",
    description:
      "Reads one state and writes it to an empty database, all or nothing. Without --new-lineage it is a move: every node must be stopped, agents go on against the new database, and the old one is marked so that no node starts on it. Prefer CORDON_COPY_FROM and CORDON_COPY_TO for URLs with a password.",
    examples: [
      ["cordon-server database copy --from /var/lib/cordon/cordon.db --to postgres://cordon@db.example/cordon"],
      ["cordon-server database copy --new-lineage --from postgres://cordon@db.example/cordon --to /var/backups/c.db"],
    ],
    flags: (command: Command) =>
      command
        .option("--from <database>", "an SQLite file, or postgres://…; CORDON_COPY_FROM")
        .option("--to <database>", "an SQLite file, or postgres://…; must be empty; CORDON_COPY_TO")
        .option("--new-lineage", "a backup: nodes may go on running, agents will see that the history has changed"),
    parse: (_words, flags) => ({
      from: locationOf("--from", flags.from ?? environment.CORDON_COPY_FROM),
      to: locationOf("--to", flags.to ?? environment.CORDON_COPY_TO),
      newLineage: flags.newLineage === true,
    }),
    async act({ from, to, newLineage }, output) {
      const claims: DataDirClaim[] = [];
      try {
        if (!isPostgres(from) && !existsSync(from)) throw failure("REFUSED", `there is no database ${from}`);
        if (!newLineage) claims.push(...(await claim(from)));
        claims.push(...(await claim(to)));
        const { rows, auditEntries } = await copyAndVerify(from, to, { newLineage, now });
        // A file elsewhere is a backup, which may be restored any number of times.
        const left = !newLineage && (isPostgres(from) || isInDataDir(from));
        if (left) await mark(from);
        output.answer({ rows, auditEntries, sourceMarkedAsMoved: left }, () =>
          table(
            ["table", "rows"],
            Object.entries(rows).map(([name, count]) => [name, String(count)]),
          ),
        );
        return exitCodes.done;
      } finally {
        for (const held of claims) held.release();
      }
    },
  });
}

function locationOf(flag: string, given: unknown): string {
  if (typeof given !== "string" || given === "") throw failure("USAGE", `${flag} is missing: name a file or a URL`);
  return isPostgres(given) ? given : resolve(given);
}

/** Makes sure that no node uses the database; on SQLite until the claim is released. */
async function claim(location: string): Promise<DataDirClaim[]> {
  if (!isPostgres(location)) return isInDataDir(location) ? [claimDataDir(dirname(location))] : [];
  const nodes = await countConnectedNodes(location);
  if (nodes === 0) return [];
  throw failure("REFUSED", `Central Nodes are connected to that PostgreSQL database (${nodes} connections)`, {
    advice: "Stop every one of them first. For a backup of running nodes: --new-lineage.",
  });
}

function isInDataDir(file: string): boolean {
  return basename(file) === "cordon.db" && existsSync(join(dirname(file), "running.lock"));
}

async function copyAndVerify(
  from: string,
  to: string,
  { newLineage, now }: { newLineage: boolean; now: () => Date },
): Promise<{ rows: Record<string, number>; auditEntries: number }> {
  const target = await openDatabase(to);
  try {
    const rows = await copyDatabase(from, target, { newLineage });
    const chain = await createAuditLog({ database: target, now }).verify();
    if (chain.intact) return { rows, auditEntries: chain.entries };
    throw failure("FAILED", `everything was copied, but the audit log's chain is broken: ${chain.why}`, {
      advice: "Look at the source with `cordon-server audit verify` before you use the copy.",
    });
  } finally {
    await target.close();
  }
}

async function mark(from: string): Promise<void> {
  const source = await openDatabase(from);
  try {
    await source.write(markAsMoved);
  } finally {
    await source.close();
  }
}
