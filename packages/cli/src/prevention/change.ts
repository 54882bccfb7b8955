import { type ExitCode, exitCodes, keyValues } from "@cordon/terminal";
import type { Scene } from "../client-verb.ts";
import { type HashSource, parseHashSources } from "./hashes.ts";
import { findScope, parseScope, type ScopeOption } from "./scope.ts";

export type ChangeOptions = { scope: ScopeOption; sources: HashSource[] };
export type Change = { added: number; removed: number; total: number };

export const overwriteHelp = [
  "The API replaces a rule as a whole: this reads the rule, changes it and writes it back. Two of them at",
  "the same time, or one beside a change in the console, can overwrite each other.",
].join("\n");

export function parseChange([scope, words]: unknown[]): ChangeOptions {
  // Commander gives a variadic argument as a list.
  return { scope: parseScope(String(scope)), sources: parseHashSources(words as string[]) };
}

/** Lets `apply` change the scope's rule, and answers with what came of it. */
export async function changeRule(
  scope: ScopeOption,
  { client, output }: Scene,
  apply: (scopeId: string) => Promise<Change>,
): Promise<ExitCode> {
  const { id, label } = await findScope(client, scope);
  const { added, removed, total } = await apply(id);
  output.answer({ scope: id, added, removed, total }, () =>
    keyValues([
      ["prevention", `ordered for ${label}`],
      ["files", `${total} (${added} added, ${removed} removed)`],
    ]),
  );
  return exitCodes.done;
}
