import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { exitCodes, failure, keyValues, type Output, type Verb } from "@cordon/terminal";
import { type Bundle, readBundle } from "../host/bundle-copy.ts";
import { createInstalledVersions } from "../host/installed-versions.ts";
import { activate } from "../host/service-activation.ts";
import { defaultPrefix, servicePlaces } from "../host/service-files.ts";
import { readIdentity } from "../identity.ts";
import { needRoot, needSystemd, serviceStateDir } from "./service-needs.ts";

type Options = { bundleFolder: string; prefix: string };

export function serviceInstallVerb(): Verb<Options> {
  return {
    words: "install",
    summary: "install this agent as a service of systemd, or upgrade the one that is installed",
    description:
      "Copies the bundle that this program is part of, writes the units, enables and starts them. What the agent keeps in\n" +
      `${serviceStateDir} stays as it is, and what is in force stays in force. A version that does not start is\n` +
      "given up for the one that ran before. Run again it changes nothing. An older bundle is installed the same way.",
    examples: [
      ["sudo ./cordon-agent service install"],
      ["sudo ./cordon-agent service install --prefix /opt/cordon-agent"],
    ],
    flags: (command) =>
      command
        .option("--bundle-dir <directory>", "the bundle to install, in place of the one that this program is part of")
        .option("--prefix <directory>", "where the program is kept", defaultPrefix),
    parse: (_words, flags) => ({
      bundleFolder: resolve(typeof flags.bundleDir === "string" ? flags.bundleDir : ownFolder()),
      prefix: resolve(String(flags.prefix)),
    }),
    async act({ bundleFolder, prefix }, output) {
      needRoot();
      const systemd = needSystemd();
      const bundle = readBundle(bundleFolder);
      if (bundle === null) {
        throw failure("NOT_FOUND", `${bundleFolder} is no bundle of the agent: it has no SHA256SUMS`, {
          advice:
            "From a checkout, make one first: npm run build:agent\nThen: dist/cordon-agent/cordon-agent service install",
        });
      }
      const versions = createInstalledVersions(prefix);
      const before = versions.current();
      const added = versions.add(bundle);
      await installVersion(added, { prefix, before, systemd, output });
      versions.prune();
      return exitCodes.done;
    },
  };
}

/** Of install and rollback: makes `bundle` the one that runs, and tells how it went. */
export async function installVersion(
  bundle: Bundle,
  {
    prefix,
    before,
    systemd,
    output,
  }: { prefix: string; before: Bundle | null; systemd: ReturnType<typeof needSystemd>; output: Output },
): Promise<void> {
  const activation = await activate({
    bundle,
    versions: createInstalledVersions(prefix),
    places: servicePlaces(prefix),
    systemd,
    stateDir: serviceStateDir,
    isEnrolled: readIdentity(serviceStateDir) !== null,
  });
  if (activation.state === "failed") {
    const back = activation.backTo === null ? "no agent runs now" : `version ${activation.backTo} runs again`;
    throw failure("FAILED", `version ${bundle.version} does not run: ${activation.why}`, {
      advice: `${back[0]?.toUpperCase()}${back.slice(1)}. The newest lines of the log:\n${activation.log}`.trim(),
    });
  }
  const { state } = activation;
  const words = {
    runs: "runs, and starts with the host",
    unchanged: "runs already; nothing was changed",
    "waits-for-enrolment": "installed; starts once the host is enrolled",
  }[state];
  output.answer({ state, version: bundle.version, before: before?.version ?? null, prefix }, () =>
    keyValues([
      ["Agent", words],
      ["Version", bundle.version],
      ["Before", before === null || before.folder === bundle.folder ? undefined : before.version],
      ["Program", prefix],
    ]),
  );
  if (state === "waits-for-enrolment") {
    output.note("Next: cordon-agent enroll --server https://HOST:PORT --token TOKEN && systemctl start cordon-agent");
  }
}

/** Of the bundle: the file that this is bundled into lies in it. */
function ownFolder(): string {
  return dirname(fileURLToPath(import.meta.url));
}
