import type { ClientVerb } from "../client-verb.ts";
import { type ChangeOptions, changeRule, overwriteHelp, parseChange } from "./change.ts";
import { hashHelp, keyOf, readHashes } from "./hashes.ts";
import { scopeHelp } from "./scope.ts";

export const preventionRemoveVerb: ClientVerb<ChangeOptions> = {
  words: "remove <host> <hash...>",
  summary: "let files run again",
  description: `${scopeHelp}\n\n${hashHelp}\n\n${overwriteHelp}`,
  examples: [["cordon prevention remove all d8e577bf078c45954f4531885478d5a9"]],
  parse: parseChange,
  act: ({ scope, sources }, scene) =>
    changeRule(scope, scene, async (scopeId) => {
      const unwanted = new Set((await readHashes(sources, scene.output.terminal.stdin)).map(keyOf));
      const before = await scene.client.getPrevention(scopeId);
      const kept = before.filter((file) => !unwanted.has(keyOf(file)));
      const removed = before.length - kept.length;
      if (removed > 0) await scene.client.setPrevention(scopeId, kept);
      return { added: 0, removed, total: kept.length };
    }),
};
