import type { Command, Option } from "commander";

export const shells = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof shells)[number];

/**
 * What may stand for the last of `words` (the text typed so far, after the program's name), as `value<TAB>description` lines.
 * An empty answer leaves it to the shell, which offers file names.
 */
export function completions(program: Command, words: string[]): string[] {
  const current = words.at(-1) ?? "";
  let command = program;
  let positional = 0;
  let awaiting: Option | undefined;
  for (const word of words.slice(0, -1)) {
    if (word === "--") return [];
    if (awaiting !== undefined) {
      awaiting = undefined;
    } else if (word.startsWith("-")) {
      const option = optionsOf(command).find(({ long, short }) => word === long || word === short);
      if (option?.required === true) awaiting = option;
    } else {
      const next = command.commands.find((child) => child.name() === word);
      if (next === undefined) positional += 1;
      else command = next;
    }
  }
  return candidates(command, { current, positional, awaiting })
    .filter(({ value }) => value.startsWith(current))
    .map(({ value, description }) => `${value}\t${description}`);
}

/** A script for the shell to load. It asks the program itself, so it need not be made again when commands change. */
export function completionScript(shell: Shell, name: string): string {
  const function_ = `_${name.replaceAll("-", "_")}_completion`;
  switch (shell) {
    case "bash":
      return `# Load it with: source <(${name} completion bash)
${function_}() {
  local value description
  COMPREPLY=()
  while IFS=$'\\t' read -r value description; do
    COMPREPLY+=("$value")
  done < <(${name} complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F ${function_} ${name}
`;
    case "zsh":
      return `#compdef ${name}
# Load it with: source <(${name} completion zsh)
${function_}() {
  local value description
  local -a candidates
  while IFS=$'\\t' read -r value description; do
    candidates+=("\${value//:/\\\\:}:$description")
  done < <(${name} complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)
  if (( \${#candidates} )); then _describe '${name}' candidates; else _files; fi
}
compdef ${function_} ${name}
`;
    case "fish":
      return `# Load it with: ${name} completion fish | source
function ${function_}
  set -l words (commandline -opc)
  set -l current (commandline -ct)
  ${name} complete -- $words[2..-1] "$current" 2>/dev/null
end
complete -c ${name} -a '(${function_})'
`;
  }
}

type Candidate = { value: string; description: string };

function candidates(
  command: Command,
  at: { current: string; positional: number; awaiting: Option | undefined },
): Candidate[] {
  const choice = (value: string): Candidate => ({ value, description: "" });
  if (at.awaiting !== undefined) return (at.awaiting.argChoices ?? []).map(choice);
  if (at.current.startsWith("-")) {
    return optionsOf(command).flatMap((option) =>
      option.long === undefined ? [] : [{ value: option.long, description: option.description }],
    );
  }
  const help = command.createHelp();
  const commands = help
    .visibleCommands(command)
    .map((child) => ({ value: child.name(), description: child.summary() || child.description() }));
  if (commands.length > 0) return commands;
  return (command.registeredArguments[at.positional]?.argChoices ?? []).map(choice);
}

/** Of the command itself and of those above it, whose options hold everywhere. */
function optionsOf(command: Command): Option[] {
  const help = command.createHelp();
  const own = help.visibleOptions(command);
  return command.parent === null
    ? [...own]
    : [...own, ...optionsOf(command.parent).filter(({ long }) => long !== "--version" && long !== "--help")];
}
