import { Argument, Command, CommanderError } from "commander";
import { completionScript, completions, type Shell, shells } from "./completion.ts";
import { type ExitCode, exitCodes, exitCodeTable } from "./exit-codes.ts";
import { failure, isFailure, reportError } from "./failure.ts";
import { createOutput, type Output } from "./output.ts";
import type { Terminal } from "./terminal.ts";

/** One thing that a program does: what is typed, what it means, and the work. */
export type Verb<Options> = {
  /** The verb and its arguments in commander's notation: `isolate <host>`, `run <host> [words...]`. */
  words: string;
  summary: string;
  /** More than the summary says, for the verb's own help. */
  description?: string;
  /** Whole command lines, each with a remark or none. */
  examples?: [commandLine: string, remark?: string][];
  /** Declares the flags. */
  flags?: (command: Command) => void;
  /** From words and flags (global ones too) to what to do; throws `failure("USAGE", …)`. Touches nothing. */
  parse(words: unknown[], flags: Record<string, unknown>): Options;
  act(options: Options, output: Output): Promise<ExitCode>;
};

export type Program = {
  /** Groups verbs under a noun. */
  noun(name: string, summary: string): Noun;
  verb<Options>(verb: Verb<Options>): void;
  /** Runs one command line (without node and script) to its end. Never throws and never exits. */
  run(args: string[]): Promise<ExitCode>;
};
export type Noun = { verb<Options>(verb: Verb<Options>): void };

export function createProgram(options: {
  name: string;
  description: string;
  version: string;
  examples: [commandLine: string, remark?: string][];
  /** Declares flags that every verb takes, beside --json and --verbose. */
  globalFlags?: (command: Command) => void;
  terminal: Terminal;
}): Program {
  const { name, description, version, examples, globalFlags, terminal } = options;
  const { stdout, stderr, stdoutColours } = terminal;
  let exitCode: ExitCode = exitCodes.done;
  /** Where wrong usage was found, so that the hint names the right help; commander's error does not say. */
  let failedAt: Command | undefined;
  const noteFailure = (command: Command) =>
    command.exitOverride((error) => {
      failedAt = command;
      throw error;
    });

  const root = new Command(name)
    .description(description)
    .version(version, "--version", "print the version")
    .helpOption("-h, --help", "show help")
    .option("--json", "print one JSON value on stdout, and errors as JSON on stderr")
    .option("--verbose", "on failure, print where it came from")
    .exitOverride()
    .configureHelp({
      showGlobalOptions: true,
      styleTitle: (text) => stdoutColours.bold(text),
      styleCommandText: (text) => stdoutColours.cyan(text),
      styleOptionText: (text) => stdoutColours.cyan(text),
    })
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => stderr.write(text),
      // Errors are written by reportError alone, so that --json holds for wrong usage too.
      outputError: () => {},
      getOutHelpWidth: () => Math.min(stdout.columns ?? 100, 120),
      getErrHelpWidth: () => Math.min(stderr.columns ?? 100, 120),
      getOutHasColors: () => stdoutColours.isColorSupported,
      getErrHasColors: () => terminal.stderrColours.isColorSupported,
    });
  globalFlags?.(root);
  root.addHelpText("after", `${exampleText(examples)}\nExit codes:\n${exitCodeTable}`);

  const addVerb = <Options>(parent: Command, verb: Verb<Options>) => {
    const command = noteFailure(parent.command(verb.words).summary(verb.summary));
    command.description(
      verb.description === undefined ? verb.summary : `${verb.summary}\n\n${joinLines(verb.description)}`,
    );
    verb.flags?.(command);
    if (verb.examples !== undefined) command.addHelpText("after", exampleText(verb.examples));
    command.action(async () => {
      const { json } = root.opts<{ json?: boolean }>();
      const parsed = withHelpHint(command, () => verb.parse(command.processedArgs, command.optsWithGlobals()));
      exitCode = await verb.act(parsed, createOutput({ terminal, json: json === true }));
    });
  };

  addVerb(root, {
    words: "completion",
    summary: "print a completion script for a shell",
    examples: [
      [`source <(${name} completion bash)`],
      [`source <(${name} completion zsh)`],
      [`${name} completion fish | source`],
    ],
    flags: (command) => command.addArgument(new Argument("<shell>", "which shell").choices(shells)),
    // Commander has checked the choice.
    parse: ([shell]) => shell as Shell,
    async act(shell, output) {
      const script = completionScript(shell, name);
      output.answer({ shell, script }, () => script);
      return exitCodes.done;
    },
  });
  root
    .command("complete [words...]", { hidden: true })
    .description("what may follow the words typed so far; completion scripts call it")
    .action((words: string[]) => {
      stdout.write(
        completions(root, words)
          .map((line) => `${line}\n`)
          .join(""),
      );
    });

  return {
    noun(noun, summary) {
      const command = noteFailure(root.command(noun).summary(summary).description(summary).helpCommand(false));
      return { verb: (verb) => addVerb(command, verb) };
    },
    verb: (verb) => addVerb(root, verb),
    async run(args) {
      const own = args.includes("--") ? args.slice(0, args.indexOf("--")) : args;
      const json = own.includes("--json");
      try {
        await root.parseAsync(args, { from: "user" });
        return exitCode;
      } catch (error) {
        if (isShownHelp(error)) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
        return reportError(error instanceof CommanderError ? usageFailure(error, failedAt ?? root) : error, {
          terminal,
          programName: name,
          json,
          verbose: own.includes("--verbose"),
        });
      }
    },
  };
}

/** Commander says by an error, too, that it has shown the help or the version. */
function isShownHelp(error: unknown): error is CommanderError {
  return (
    error instanceof CommanderError &&
    ["commander.help", "commander.helpDisplayed", "commander.version"].includes(error.code)
  );
}

function usageFailure(error: CommanderError, command: Command) {
  const [message = "", ...hints] = error.message.replace(/^error: /, "").split("\n");
  const advice = [...hints.map((hint) => hint.replace(/^\((.*)\)$/, "$1")), `See: ${pathOf(command)} --help`].join(
    "\n",
  );
  return failure("USAGE", message, { advice, cause: error });
}

function withHelpHint<Result>(command: Command, parse: () => Result): Result {
  try {
    return parse();
  } catch (error) {
    if (!isFailure(error) || error.failureCode !== "USAGE" || error.advice !== undefined) throw error;
    throw failure("USAGE", error.message, { advice: `See: ${pathOf(command)} --help`, cause: error });
  }
}

function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}

function exampleText(examples: [commandLine: string, remark?: string][]): string {
  const width = Math.max(...examples.map(([commandLine, remark]) => (remark === undefined ? 0 : commandLine.length)));
  const lines = examples.map(([commandLine, remark]) =>
    remark === undefined ? `  ${commandLine}` : `  ${commandLine.padEnd(width)}   # ${remark}`,
  );
  return `\nExamples:\n${lines.join("\n")}\n`;
}

/** Sources break prose where their own lines end; help breaks it at the terminal's width. Indented lines stay lines. */
function joinLines(prose: string): string {
  return prose.replaceAll(/(\S)\n(?=\S)/g, "$1 ");
}
