import type { ClientVerb } from "../client-verb.ts";
import { changeRule } from "./change.ts";
import { parseScope, type ScopeOption, scopeHelp } from "./scope.ts";

export const preventionClearVerb: ClientVerb<{ scope: ScopeOption }> = {
  words: "clear <host>",
  summary: "remove the whole rule",
  description: `${scopeHelp}\n\nAlso succeeds when there is none. The rules of other hosts, or of all, stay.`,
  examples: [["cordon prevention clear host4"], ["cordon prevention clear all"]],
  parse: ([scope]) => ({ scope: parseScope(String(scope)) }),
  act: ({ scope }, scene) =>
    changeRule(scope, scene, async (scopeId) => {
      const before = await scene.client.getPrevention(scopeId);
      await scene.client.clearPrevention(scopeId);
      return { added: 0, removed: before.files.length, total: 0 };
    }),
};
