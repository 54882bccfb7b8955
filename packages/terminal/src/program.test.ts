import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { type TestContext, test } from "node:test";
import { promisify } from "node:util";
import { Problem } from "@cordon/contract";
import { Option } from "commander";
import { createProgram, createTerminal, exitCodes, failure, keyValues, table } from "./index.ts";

function streams({ tty = false } = {}) {
  const texts = { stdout: "", stderr: "" };
  const capture = (name: "stdout" | "stderr") =>
    Object.assign(new PassThrough(), { isTTY: tty }).on("data", (chunk) => {
      texts[name] += chunk;
    });
  return { texts, stdin: new PassThrough(), stdout: capture("stdout"), stderr: capture("stderr") };
}

async function run(args: string[], { tty = false, environment = {} as Record<string, string> } = {}) {
  const { texts, ...open } = streams({ tty });
  const terminal = createTerminal({ ...open, environment });
  const program = createProgram({
    name: "sonar",
    description: "Listens",
    version: "1.2.3",
    examples: [["sonar ping deep", "ask the deep"], ["sonar ping list"]],
    terminal,
  });
  const ping = program.noun("ping", "ask and listen");
  ping.verb<{ where: string; words: string[] }>({
    words: "send <where> [words...]",
    summary: "ask",
    examples: [["sonar ping send deep -- a b"]],
    flags: (command) =>
      command
        .option("--loud", "be heard")
        .option("--for <time>", "how long")
        .addOption(new Option("--mode <mode>", "which sound").choices(["chirp", "click"])),
    parse([where, words], { for: time }) {
      if (time === "soon") throw failure("USAGE", 'the time must be a number, not "soon"');
      return { where: String(where), words: words as string[] };
    },
    async act({ where, words }, output) {
      if (where === "nowhere") throw new Problem("NOT_FOUND", { message: "there is no such place" });
      if (where === "bug") throw new TypeError("a is not b");
      if (where === "late") throw failure("TIMED_OUT", "no echo\u001b[2J", { advice: "wait\nlonger" });
      const progress = output.progress("listening");
      progress.update("still listening");
      progress.end();
      output.note("heard it");
      const { green } = terminal.stdoutColours;
      output.answer({ where, words }, () =>
        [
          table(["where", "echo"], [[where, { text: "yes", style: green }]]),
          keyValues([["words", words.join("+")]]),
        ].join("\n"),
      );
      return exitCodes.done;
    },
  });
  const exitCode = await program.run(args);
  return { exitCode, ...texts };
}

test("plain output is a table without borders and key-value lines, with remarks on stderr", async () => {
  const { exitCode, stdout, stderr } = await run(["ping", "send", "deep", "a", "b"]);
  assert.equal(exitCode, 0);
  assert.equal(stdout, "WHERE  ECHO\ndeep   yes\nwords:  a+b\n");
  assert.equal(stderr, "listening\nstill listening\nheard it\n");
});

test("--json prints one JSON value on stdout and nothing beside it, wherever the flag stands", async () => {
  for (const args of [
    ["--json", "ping", "send", "deep", "--loud"],
    ["ping", "send", "deep", "--json"],
  ]) {
    const { exitCode, stdout, stderr } = await run(args);
    assert.equal(exitCode, 0);
    assert.deepEqual(JSON.parse(stdout), { where: "deep", words: [] });
    assert.equal(stderr, "");
  }
});

test("what follows -- belongs to the verb, flags and all", async () => {
  const { stdout } = await run(["ping", "send", "deep", "--json", "--", "ls", "--json", "-l", "--", "x"]);
  assert.deepEqual(JSON.parse(stdout), { where: "deep", words: ["ls", "--json", "-l", "--", "x"] });
  const plain = await run(["ping", "send", "deep", "--", "--json"]);
  assert.match(plain.stdout, /^WHERE/);
});

test("hostile text in a cell and in an error cannot reach the terminal", async () => {
  const { stdout } = await run(["ping", "send", "a\u001b[31m\nb\u202e"]);
  assert.equal(stdout, "WHERE  ECHO\na b    yes\nwords:  -\n");
  const late = await run(["ping", "send", "late"]);
  assert.equal(late.exitCode, 6);
  assert.equal(late.stderr, "sonar: no echo\n  wait\n  longer\n");
});

test("colours appear on a terminal and go with NO_COLOR", async () => {
  const coloured = await run(["ping", "send", "deep"], { tty: true });
  assert.ok(coloured.stdout.includes("\u001b[32myes\u001b[39m"));
  assert.ok(coloured.stderr.startsWith("\r\u001b[K"), "progress redraws one line");
  const plain = await run(["ping", "send", "deep"], { tty: true, environment: { NO_COLOR: "1" } });
  assert.ok(!plain.stdout.includes("\u001b"));
});

test("wrong usage exits with 2, says what is wrong and where help is, and suggests what was meant", async () => {
  const unknown = await run(["ping", "sned", "deep"]);
  assert.equal(unknown.exitCode, 2);
  assert.equal(unknown.stdout, "");
  assert.match(
    unknown.stderr,
    /^sonar: unknown command 'sned'\n {2}Did you mean send\?\n {2}See: sonar ping --help\n$/,
  );
  const option = await run(["ping", "send", "deep", "--lod"]);
  assert.equal(option.exitCode, 2);
  assert.match(option.stderr, /Did you mean --loud\?/);
  const missing = await run(["ping", "send"]);
  assert.equal(missing.exitCode, 2);
  assert.match(missing.stderr, /missing required argument 'where'/);
  const parsed = await run(["ping", "send", "deep", "--for", "soon"]);
  assert.equal(parsed.exitCode, 2);
  assert.match(parsed.stderr, /See: sonar ping send --help/);
});

test("with --json an error is a JSON object on stderr", async () => {
  const { exitCode, stdout, stderr } = await run(["ping", "send", "nowhere", "--json"]);
  assert.equal(exitCode, 5);
  assert.equal(stdout, "");
  assert.deepEqual(JSON.parse(stderr), { error: "NOT_FOUND", message: "there is no such place" });
  const usage = await run(["ping", "send", "--json"]);
  assert.equal(usage.exitCode, 2);
  assert.equal(JSON.parse(usage.stderr).error, "USAGE");
});

test("a bug is called one, with a stack trace only on --verbose", async () => {
  const quiet = await run(["ping", "send", "bug"]);
  assert.equal(quiet.exitCode, 1);
  assert.match(quiet.stderr, /unexpected fault: a is not b/);
  assert.doesNotMatch(quiet.stderr, /at .*program\.test\.ts/);
  const verbose = await run(["ping", "send", "bug", "--verbose"]);
  assert.match(verbose.stderr, /at .*program\.test\.ts/);
});

test("help shows flags, global flags, examples and exit codes, and exits with 0; a bare noun shows it and exits with 2", async () => {
  const help = await run(["--help"]);
  assert.equal(help.exitCode, 0);
  assert.match(help.stdout, /Examples:\n {2}sonar ping deep {3}# ask the deep/);
  assert.match(help.stdout, /Exit codes:\n {2}0 {2}done/);
  const verbHelp = await run(["ping", "send", "--help"]);
  assert.match(verbHelp.stdout, /--loud/);
  assert.match(verbHelp.stdout, /Global Options:[\s\S]*--json/);
  assert.match(verbHelp.stdout, /sonar ping send deep -- a b/);
  const bare = await run(["ping"]);
  assert.equal(bare.exitCode, 2);
  assert.match(bare.stderr, /Usage: sonar ping/);
  const version = await run(["--version"]);
  assert.equal(version.exitCode, 0);
  assert.equal(version.stdout, "1.2.3\n");
});

test("completion offers nouns, verbs, flags and the choices of a flag", async () => {
  const offered = async (...words: string[]) =>
    (await run(["complete", "--", ...words])).stdout.split("\n").map((line) => line.split("\t")[0]);
  assert.deepEqual(await offered("p"), ["ping", ""]);
  assert.deepEqual(await offered("ping", ""), ["send", ""]);
  assert.deepEqual(await offered("ping", "send", "--l"), ["--loud", ""]);
  assert.deepEqual(await offered("ping", "send", "--js"), ["--json", ""]);
  assert.deepEqual(await offered("ping", "send", "--mode", ""), ["chirp", "click", ""]);
  assert.deepEqual(await offered("completion", "z"), ["zsh", ""]);
  assert.deepEqual(await offered("ping", "send", "deep", "--", "--l"), [""]);
});

test("the bash completion script completes in a real bash", async (t: TestContext) => {
  const directory = await mkdtemp(join(tmpdir(), "cordon-completion-"));
  t.after(() => rm(directory, { recursive: true }));
  // Stands in for the installed program: gives back what bash hands over, as two candidates with descriptions.
  await writeFile(join(directory, "sonar"), `#!/bin/sh\nshift 2\nprintf '%s-one\\tfirst\\n%s-two\\t\\n' "$*" "$*"\n`);
  await chmod(join(directory, "sonar"), 0o755);
  const { stdout: script } = await run(["completion", "bash"]);
  await writeFile(join(directory, "script"), script);
  const { stdout } = await promisify(execFile)(
    "bash",
    [
      "--norc",
      "-c",
      `source "${directory}/script"; COMP_WORDS=(sonar ping se); COMP_CWORD=2; _sonar_completion; printf '[%s]' "\${COMPREPLY[@]}"; complete -p sonar`,
    ],
    { env: { PATH: `${directory}:/usr/bin:/bin` } },
  );
  assert.equal(stdout, "[ping se-one][ping se-two]complete -o default -F _sonar_completion sonar\n");
});
