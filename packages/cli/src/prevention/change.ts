import { type ExitCode, exitCodes, failure, keyValues } from "@cordon/terminal";
import type { ClientVerb, Scene } from "../client-verb.ts";
import type { RuleModes } from "../wire.ts";
import { type HashSource, parseHashSources } from "./hashes.ts";
import { findScope, parseScope, type ScopeOption } from "./scope.ts";

/** `modes`: those that were named; the others stay as they are. */
export type ChangeOptions = { scope: ScopeOption; sources: HashSource[]; modes: Partial<RuleModes> };
export type Change = { added: number; removed: number; total: number };

export const overwriteHelp = [
  "The API replaces a rule as a whole: this reads the rule, changes it and writes it back. Two of them at",
  "the same time, or one beside a change in the console, can overwrite each other.",
].join("\n");

export const modesHelp = [
  "--scripts denies every opening of a banned file, so that an interpreter cannot read it either; it costs each opening of a",
  "file on the host. --kill-running kills processes that run a banned file already; without it they are reported and go on.",
  "What is not named stays as it is. Only Cordon knows the two.",
].join("\n");

export const changeFlags: NonNullable<ClientVerb<ChangeOptions>["flags"]> = (command) => {
  command
    .option("--scripts", "deny every opening of a banned file")
    .option("--no-scripts", "deny only that it is run")
    .option("--kill-running", "kill what runs already")
    .option("--no-kill-running", "only report what runs already")
    .option(
      "--file <path>",
      "the SHA-256 of a file on this machine, as often as needed",
      (path: string, before: string[]) => [...before, path],
      [] as string[],
    );
};

export function parseChange([scope, words]: unknown[], flags: Record<string, unknown>): ChangeOptions {
  const paths = Array.isArray(flags.file) ? flags.file.map((path) => ({ contentOf: String(path) })) : [];
  // Commander gives a variadic argument as a list.
  const sources = [...parseHashSources(words as string[]), ...paths];
  const modes = parseModes(flags);
  if (sources.length === 0 && Object.keys(modes).length === 0)
    throw failure("USAGE", "there is no hash and no --file: nothing to do");
  return { scope: parseScope(String(scope)), sources, modes };
}

function parseModes({ scripts, killRunning }: Record<string, unknown>): Partial<RuleModes> {
  return {
    ...(typeof scripts === "boolean" ? { scripts } : {}),
    ...(typeof killRunning === "boolean" ? { killRunning } : {}),
  };
}

/** A rule has one file at least, so there is none to set a mode of. */
export const noRule = () => failure("REFUSED", "there is no rule, and no hash for one; nothing was changed");

/** Reports whether naming `modes` changes the rule. */
export function changesModes(rule: RuleModes, modes: Partial<RuleModes>): boolean {
  return (Object.keys(modes) as (keyof RuleModes)[]).some((mode) => modes[mode] !== rule[mode]);
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
