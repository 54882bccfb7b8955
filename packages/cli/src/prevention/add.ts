import type { ClientVerb } from "../client-verb.ts";
import { type ChangeOptions, changeRule, overwriteHelp, parseChange } from "./change.ts";
import { hashHelp, keyOf, readHashes } from "./hashes.ts";
import { scopeHelp } from "./scope.ts";

export const preventionAddVerb: ClientVerb<ChangeOptions> = {
  words: "add <host> <hash...>",
  summary: "add files that must not run",
  description: `${scopeHelp}\n\n${hashHelp}\n\n${overwriteHelp}`,
  examples: [
    ["cordon prevention add host4 d8e577bf078c45954f4531885478d5a9"],
    ["cordon prevention add all @banned.txt"],
  ],
  parse: parseChange,
  act: ({ scope, sources }, scene) =>
    changeRule(scope, scene, async (scopeId) => {
      const wanted = await readHashes(sources, scene.output.terminal.stdin);
      const before = await scene.client.getPrevention(scopeId);
      const known = new Set(before.map(keyOf));
      const added = wanted.filter((file) => !known.has(keyOf(file)));
      if (added.length > 0) await scene.client.setPrevention(scopeId, [...before, ...added]);
      return { added: added.length, removed: 0, total: before.length + added.length };
    }),
};
