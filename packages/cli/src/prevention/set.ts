import { failure } from "@cordon/terminal";
import type { ClientVerb } from "../client-verb.ts";
import { type ChangeOptions, changeFlags, changeRule, modesHelp, parseChange } from "./change.ts";
import { hashHelp, keyOf, readHashes } from "./hashes.ts";
import { scopeHelp } from "./scope.ts";

export const preventionSetVerb: ClientVerb<ChangeOptions> = {
  words: "set <host> [hash...]",
  summary: "replace the rule: just these files must not run",
  description: `${scopeHelp}\n\n${hashHelp}\n\n${modesHelp}`,
  examples: [
    ["cordon prevention set all @banned.txt"],
    ["sha256sum /tmp/bad | cordon prevention set host4 -", "what is on standard input"],
  ],
  flags: changeFlags,
  parse: parseChange,
  act: ({ scope, sources, modes }, scene) =>
    changeRule(scope, scene, async (scopeId) => {
      const files = await readHashes(sources, scene.output.terminal.stdin);
      if (files.length === 0) {
        throw failure("USAGE", "there is no hash in the list; nothing was changed", {
          advice: "To remove the whole rule: cordon prevention clear HOST",
        });
      }
      const before = await scene.client.getPrevention(scopeId);
      const known = new Map(before.files.map((file) => [keyOf(file), file]));
      const kept = files.filter((file) => known.has(keyOf(file))).length;
      // The labels of those that stay are somebody's notes: they stay too.
      const labelled = files.map((file) => known.get(keyOf(file)) ?? file);
      await scene.client.setPrevention(scopeId, { ...before, ...modes, files: labelled });
      return { added: files.length - kept, removed: known.size - kept, total: files.length };
    }),
};
