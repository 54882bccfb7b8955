import { rmSync } from "node:fs";
import { resolve } from "node:path";
import { exitCodes, failure, formatDuration, isFailure, type Output, printable, type Verb } from "@cordon/terminal";
import { createInstalledVersions } from "../host/installed-versions.ts";
import { defaultPrefix, removeServiceFiles, servicePlaces, unitsOf } from "../host/service-files.ts";
import { agentUnit } from "../host/systemd.ts";
import { settingsInForce } from "../in-force.ts";
import type { SettingSummary } from "../journal/setting-summary.ts";
import { release } from "./release.ts";
import { needRoot, needSystemd, serviceStateDir } from "./service-needs.ts";
import { readStatus } from "./status.ts";

type Options = { prefix: string; yes: boolean; purge: boolean; isolation: "lift" | "keep" | null };

export function serviceUninstallVerb(): Verb<Options> {
  return {
    words: "uninstall",
    summary: "remove the service and the program; says first what that does",
    description:
      "Without --yes it only says what it would do. While the host is isolated it asks for --lift or --keep-isolated: without\n" +
      "an agent nobody can release the host from afar any more.",
    examples: [
      ["cordon-agent service uninstall", "what would happen"],
      ["sudo cordon-agent service uninstall --yes"],
      ["sudo cordon-agent service uninstall --yes --lift --purge"],
    ],
    flags: (command) =>
      command
        .option("--yes", "do it")
        .option("--lift", "lift the isolation that is in force")
        .option("--keep-isolated", "leave the isolation in force until its time is over, or the host is started anew")
        .option("--purge", "remove the state directory, too: the host's identity and what was not reported yet")
        .option("--prefix <directory>", "where the program is kept", defaultPrefix),
    parse(_words, flags) {
      if (flags.lift === true && flags.keepIsolated === true) {
        throw failure("USAGE", "--lift and --keep-isolated exclude each other");
      }
      return {
        prefix: resolve(String(flags.prefix)),
        yes: flags.yes === true,
        purge: flags.purge === true,
        isolation: flags.lift === true ? "lift" : flags.keepIsolated === true ? "keep" : null,
      };
    },
    async act(options, output) {
      const { prefix, yes, purge, isolation } = options;
      needRoot();
      const systemd = needSystemd();
      const places = servicePlaces(prefix);
      const versions = createInstalledVersions(prefix);
      const installed = versions.current();
      if (installed === null) throw failure("NOT_FOUND", `no agent is installed in ${prefix}: nothing was done`);
      const inForce = await readInForce();
      const isolated = inForce.some(({ action }) => action === "network-isolation");
      const plan = describePlan({ ...options, inForce });
      if (isolated && isolation === null) {
        throw failure("REFUSED", "this host is isolated: nothing was done", {
          advice: [...plan, "Say --lift or --keep-isolated."].join("\n"),
        });
      }
      if (!yes)
        throw failure("REFUSED", "nothing was done yet", { advice: [...plan, "Say --yes to do it."].join("\n") });

      if (isolated && isolation === "lift") await lift(output);
      await systemd.control("disable", "--now", "--quiet", ...unitsOf(installed.folder));
      // What outlives the agent by design, its guard for one. Fails when nothing is left, which is as well.
      await systemd.control("kill", "--kill-who=all", "--signal=SIGKILL", agentUnit).catch(() => {});
      removeServiceFiles(unitsOf(installed.folder), places);
      await systemd.control("daemon-reload");
      rmSync(prefix, { recursive: true, force: true });
      if (purge) rmSync(serviceStateDir, { recursive: true, force: true });
      const removed = { version: installed.version, prefix, stateKept: !purge, isolation: isolated ? isolation : null };
      output.answer(removed, () => plan.join("\n"));
      return exitCodes.done;
    },
  };
}

async function readInForce(): Promise<SettingSummary[]> {
  try {
    return settingsInForce((await readStatus(serviceStateDir)).settings);
  } catch (error) {
    // A host that was never enrolled was never ordered anything.
    if (isFailure(error) && error.failureCode === "NOT_FOUND") return [];
    throw error;
  }
}

async function lift(output: Output): Promise<void> {
  const { lifted } = await release(serviceStateDir);
  if (lifted.state !== "lifted") {
    throw failure("FAILED", `the isolation cannot be lifted: ${lifted.reason ?? lifted.state}; nothing was removed`, {
      advice: lifted.detail ?? "",
    });
  }
  output.note("The isolation is lifted.");
}

/** In plain words, before and after: each line is one thing that happens. */
export function describePlan({
  inForce,
  isolation,
  purge,
  prefix,
}: Omit<Options, "yes"> & { inForce: readonly SettingSummary[] }): string[] {
  const isolated = inForce.find(({ action }) => action === "network-isolation");
  const lines = [
    "The agent is stopped. Programs that it runs are terminated, and reported if the Central Node is reached.",
  ];
  if (isolated !== undefined) {
    const left = isolated.remainingSec === null ? "" : ` for another ${formatDuration(isolated.remainingSec)}`;
    const what = {
      lift: "The isolation is lifted: the host is back on the network.",
      keep:
        `The host stays isolated${left}: the kernel ends it then, or the next boot does.\n` +
        "Until then only root here can: nft delete table inet cordon_isolation",
      none:
        `The host is isolated${left}, and nobody could release it from afar any more.\n` +
        "--lift opens its network now; --keep-isolated leaves it cut off until that time is over or the host is started anew.",
    }[isolation ?? "none"];
    lines.push(what);
  }
  for (const { action, scope } of inForce.filter(({ action }) => action !== "network-isolation")) {
    lines.push(`${printable(action)} (${scope}) is no longer enforced.`);
  }
  lines.push(`The units and ${prefix} are removed.`);
  lines.push(
    purge
      ? `${serviceStateDir} is removed: identity, journal, and reports not sent yet. Remove the host at its Central Node, too.`
      : `${serviceStateDir} is kept: an agent installed later is the same host again. --purge removes it.`,
  );
  return lines;
}
