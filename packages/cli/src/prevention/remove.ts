import type { ClientVerb } from "../client-verb.ts";
import {
  type ChangeOptions,
  changeFlags,
  changeRule,
  changesModes,
  modesHelp,
  overwriteHelp,
  parseChange,
} from "./change.ts";
import { hashHelp, keyOf, readHashes } from "./hashes.ts";
import { scopeHelp } from "./scope.ts";

export const preventionRemoveVerb: ClientVerb<ChangeOptions> = {
  words: "remove <host> [hash...]",
  summary: "let files run again",
  description: `${scopeHelp}\n\n${hashHelp}\n\n${modesHelp}\n\n${overwriteHelp}`,
  examples: [["cordon prevention remove all d8e577bf078c45954f4531885478d5a9"]],
  flags: changeFlags,
  parse: parseChange,
  act: ({ scope, sources, modes }, scene) =>
    changeRule(scope, scene, async (scopeId) => {
      const unwanted = new Set((await readHashes(sources, scene.output.terminal.stdin)).map(keyOf));
      const before = await scene.client.getPrevention(scopeId);
      const files = before.files.filter((file) => !unwanted.has(keyOf(file)));
      const removed = before.files.length - files.length;
      const changes = removed > 0 || (files.length > 0 && changesModes(before, modes));
      if (changes) await scene.client.setPrevention(scopeId, { ...before, ...modes, files });
      return { added: 0, removed, total: files.length };
    }),
};
