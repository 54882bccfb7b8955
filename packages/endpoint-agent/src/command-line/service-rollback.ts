import { resolve } from "node:path";
import { exitCodes, failure, type Verb } from "@cordon/terminal";
import { createInstalledVersions } from "../host/installed-versions.ts";
import { defaultPrefix } from "../host/service-files.ts";
import { installVersion } from "./service-install.ts";
import { needRoot, needSystemd } from "./service-needs.ts";

export function serviceRollbackVerb(): Verb<{ prefix: string }> {
  return {
    words: "rollback",
    summary: "go back to the version that ran before the newest upgrade",
    description:
      "What the agent keeps stays as it is, and what is in force stays in force. Twice leads back to where it was.",
    examples: [["sudo cordon-agent service rollback"]],
    flags: (command) => command.option("--prefix <directory>", "where the program is kept", defaultPrefix),
    parse: (_words, flags) => ({ prefix: resolve(String(flags.prefix)) }),
    async act({ prefix }, output) {
      needRoot();
      const systemd = needSystemd();
      const versions = createInstalledVersions(prefix);
      const previous = versions.previous();
      if (previous === null) throw failure("NOT_FOUND", `${prefix} holds no earlier version: nothing was done`);
      await installVersion(previous, { prefix, before: versions.current(), systemd, output });
      return exitCodes.done;
    },
  };
}
