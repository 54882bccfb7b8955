import { resolve } from "node:path";
import { exitCodes, isFailure, keyValues, type Output, type Program, printable, table } from "@cordon/terminal";
import type { NodeStatus } from "../admin-socket/admin-routes.ts";
import type { Backup } from "../admin-socket/backup.ts";
import { isClaimed } from "../admin-socket/data-dir.ts";
import { type DoctorCheck, fail, ok } from "../admin-socket/doctor.ts";
import type { CentralNodeConfig } from "../config.ts";
import type { AdminClient } from "./admin-client.ts";
import { type AdminVerbs, dataDirFlag } from "./admin-verb.ts";
import { checkDataDir, checkStoppedNode } from "./local-checks.ts";
import { settingFlags } from "./setting-flags.ts";

/** The verbs about the node itself. */
export function addNodeCommands(
  program: Program,
  {
    clientOf,
    configOf,
    now,
  }: AdminVerbs & { configOf(flags: Record<string, unknown>): CentralNodeConfig; now: () => Date },
): void {
  program.verb({
    words: "status",
    summary: "show where the running node listens, and whether it is ready",
    flags: dataDirFlag,
    parse: (_words, flags) => flags,
    async act(flags, output) {
      const status = await clientOf(flags).get<NodeStatus>("/status");
      output.answer(status, () =>
        keyValues([
          ["ready", status.ready ? "yes" : "no"],
          ["response api", status.api],
          ["console", status.console],
          ["metrics", status.metrics],
          ["database", status.database],
          ["hosts", status.hosts],
          ["pending external systems", status.pendingExternalSystems],
          ["version", status.version],
          ["pid", status.pid],
          ["started", status.startedAt],
        ]),
      );
      return status.ready ? exitCodes.done : exitCodes.failed;
    },
  });

  program.verb({
    words: "backup <file>",
    summary: "copy the running node's database to a new SQLite file",
    description:
      "Of PostgreSQL, too: `database copy` restores to either. The file is made with mode 0600: it holds the private key of the certificate authority.",
    examples: [["cordon-server backup /var/backups/cordon-2026-11-24.db"]],
    flags: dataDirFlag,
    parse: ([file], flags) => ({ flags, file: resolve(String(file)) }),
    async act({ flags, file }, output) {
      const progress = output.progress(`copying the database to ${file}`);
      try {
        const backup = await clientOf(flags).post<Backup>("/backup", { file });
        progress.end();
        output.answer(
          backup,
          () => `wrote ${printable(backup.file)}: ${backup.bytes} bytes, ${backup.auditEntries} audit entries`,
        );
        return exitCodes.done;
      } finally {
        progress.end();
      }
    },
  });

  program.verb({
    words: "doctor",
    summary: "look for what is wrong or will be, whether the node runs or not; exit code 1 if something is wrong",
    description: "Takes the flags of `start`, to look at what that start would need.",
    flags: settingFlags,
    parse: (_words, flags) => ({ flags, config: configOf(flags) }),
    async act({ flags, config }, output) {
      const { dataDir } = config;
      const checks = [
        ...checkDataDir(dataDir, now()),
        ...(isClaimed(dataDir) ? await askRunningNode(clientOf(flags)) : await checkStoppedNode(config, now())),
      ];
      output.answer(checks, () => layOut(checks, output));
      return checks.some((check) => check.verdict === "fail") ? exitCodes.failed : exitCodes.done;
    },
  });
}

async function askRunningNode(client: AdminClient): Promise<DoctorCheck[]> {
  try {
    const status = await client.get<NodeStatus>("/status");
    return [
      ok("node", `runs as pid ${status.pid}: ${status.api}, ${status.console}`),
      ...(await client.get<DoctorCheck[]>("/doctor")),
    ];
  } catch (error) {
    if (!isFailure(error)) throw error;
    return [fail("node", `runs, but: ${error.message}`, error.advice ?? "Look at its log; it may still be starting.")];
  }
}

function layOut(checks: DoctorCheck[], { terminal }: Output): string {
  const { green, yellow, red } = terminal.stdoutColours;
  const styles = { ok: green, warn: yellow, fail: red };
  return table(
    ["verdict", "what", "finding", "what to do"],
    checks.map(({ name, verdict, finding, advice }) => [
      { text: verdict, style: styles[verdict] },
      name,
      finding,
      advice ?? "",
    ]),
  );
}
