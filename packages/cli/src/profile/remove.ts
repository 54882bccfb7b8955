import { exitCodes, failure, type Verb } from "@cordon/terminal";
import type { Services } from "../client-verb.ts";

export const profileRemoveVerb = ({ profiles }: Services): Verb<{ name: string }> => ({
  words: "remove <name>",
  summary: "forget a profile, its key included",
  description: "The Central Node still accepts the identity; an administrator withdraws it there.",
  examples: [["cordon profile remove lab"]],
  parse: ([name]) => ({ name: String(name) }),
  async act({ name }, output) {
    const profile = await profiles.read(name);
    if (!(await profiles.remove(name))) throw failure("NOT_FOUND", `there is no profile "${name}"`);
    output.answer({ removed: name }, () => `Removed profile ${name}.\n`);
    if (profile !== null && profile.pin !== null) {
      output.note("The Central Node still accepts it. An administrator withdraws it there:");
      output.note(`  cordon-server external-system withdraw ${profile.externalSystemId} --data-dir DIR`);
    }
    return exitCodes.done;
  },
});
