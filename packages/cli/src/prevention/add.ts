import type { ClientVerb } from "../client-verb.ts";
import {
  type ChangeOptions,
  changeFlags,
  changeRule,
  changesModes,
  modesHelp,
  noRule,
  overwriteHelp,
  parseChange,
} from "./change.ts";
import { hashHelp, keyOf, readHashes } from "./hashes.ts";
import { scopeHelp } from "./scope.ts";

export const preventionAddVerb: ClientVerb<ChangeOptions> = {
  words: "add <host> [hash...]",
  summary: "add files that must not run",
  description: `${scopeHelp}\n\n${hashHelp}\n\n${modesHelp}\n\n${overwriteHelp}`,
  examples: [
    ["cordon prevention add host4 d8e577bf078c45954f4531885478d5a9"],
    ["cordon prevention add all @banned.txt"],
    ["cordon prevention add host4 --file ./dropper --kill-running"],
  ],
  flags: changeFlags,
  parse: parseChange,
  act: ({ scope, sources, modes }, scene) =>
    changeRule(scope, scene, async (scopeId) => {
      const wanted = await readHashes(sources, scene.output.terminal.stdin);
      const before = await scene.client.getPrevention(scopeId);
      const known = new Set(before.files.map(keyOf));
      const added = wanted.filter((file) => !known.has(keyOf(file)));
      const files = [...before.files, ...added];
      if (files.length === 0) throw noRule();
      if (added.length > 0 || changesModes(before, modes))
        await scene.client.setPrevention(scopeId, { ...before, ...modes, files });
      return { added: added.length, removed: 0, total: files.length };
    }),
};
