import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { PrintedSoFar, ProcessIdentity } from "../kit/enforcer.ts";
import { createRunProcessEnforcer } from "./enforce.linux.ts";
import { identify, readBootId } from "./enforce-process.linux.ts";

const skip = process.platform === "linux" ? false : "needs Linux: /proc and process groups";
const directory = mkdtempSync(join(tmpdir(), "cordon-run-process-"));
after(() => rmSync(directory, { recursive: true, force: true }));

type Options = Parameters<typeof createRunProcessEnforcer>[0];

function run(
  program: string,
  commandLine: string | null = null,
  {
    workingDirectory = null,
    onStarted = () => {},
    onOutput = () => {},
    signal = new AbortController().signal,
    ...options
  }: {
    workingDirectory?: string | null;
    onStarted?: (process: ProcessIdentity) => void;
    onOutput?: (printed: PrintedSoFar) => void;
    signal?: AbortSignal;
  } & Options = {},
) {
  const enforcer = createRunProcessEnforcer(options);
  return enforcer.run({ parameters: { program, commandLine, workingDirectory }, signal, onStarted, onOutput });
}

const shell = (script: string, options: Parameters<typeof run>[2] = {}) => {
  const path = join(directory, `${crypto.randomUUID()}.sh`);
  writeFileSync(path, `${script}\n`);
  return run("sh", path, options);
};

function isAlive(pid: number): boolean {
  try {
    // A zombie is dead already; who reaps it is init's business.
    return !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

async function until(condition: () => boolean) {
  const deadline = performance.now() + 10_000;
  while (!condition()) {
    assert.ok(performance.now() < deadline, "waited 10 s for a condition that never came true");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test("a program's exit code and both its outputs are told, and its words reach it unexpanded", { skip }, async () => {
  const outcome = await run("printf", `'<%s>' "a b" '$HOME' *`);
  assert.deepEqual(outcome, {
    state: "completed",
    exitCode: 0,
    stdout: "<a b><$HOME><*>",
    stderr: "",
    stdoutTruncated: false,
    stderrTruncated: false,
  });
  const failing = await shell("echo out; echo err >&2; exit 7");
  assert.deepEqual(failing, { ...outcome, exitCode: 7, stdout: "out\n", stderr: "err\n" });
});

test("a program sees a clean environment, its working directory, an empty input and a session of its own", {
  skip,
}, async () => {
  const outcome = await shell("env | cut -d= -f1 | sort; pwd; wc -c; ps -o sid= -p $$ | tr -d ' '; echo $$", {
    workingDirectory: directory,
  });
  assert.ok(outcome.state === "completed");
  const lines = outcome.stdout.trim().split("\n");
  const [session, pid] = lines.slice(-2);
  assert.equal(session, pid);
  // PWD, OLDPWD, SHLVL and _ are the shell's own doing.
  const names = lines.slice(0, -4).filter((name) => !["PWD", "OLDPWD", "SHLVL", "_"].includes(name));
  assert.deepEqual(names, ["HOME", "LANG", "PATH"]);
  assert.deepEqual(lines.slice(-4, -2), [directory, "0"]);
});

test("what cannot start is failed with the reason", { skip }, async () => {
  const plain = join(directory, "plain.txt");
  writeFileSync(plain, "not a program\n");
  chmodSync(plain, 0o644);
  const reasonOf = async (outcome: ReturnType<typeof run>) => {
    const settled = await outcome;
    return settled.state === "failed" ? settled.reason : settled.state;
  };
  assert.equal(await reasonOf(run("/nowhere/at-all")), "PROGRAM_NOT_FOUND");
  assert.equal(await reasonOf(run("no-such-program-on-the-path")), "PROGRAM_NOT_FOUND");
  assert.equal(await reasonOf(run(`${plain}/below-a-file`)), "PROGRAM_NOT_FOUND");
  assert.equal(await reasonOf(run(plain)), "NOT_PERMITTED");
  assert.equal(await reasonOf(run(directory)), "NOT_PERMITTED");
  assert.equal(await reasonOf(run("true", null, { workingDirectory: "/nowhere" })), "WORKING_DIRECTORY");
  assert.equal(await reasonOf(run("true", null, { workingDirectory: plain })), "WORKING_DIRECTORY");
  assert.equal(await reasonOf(run("true", "'unclosed")), "ARGUMENTS");
  chmodSync(plain, 0o755);
  assert.equal(await reasonOf(run("true", "bad\0word")), "START_FAILED");
});

test("output beyond the bound is dropped and said, and never cuts a character in half", { skip }, async () => {
  const outcome = await shell("i=0; while [ $i -lt 3000 ]; do printf 'é'; i=$((i+1)); done; echo x >&2", {
    maxOutputBytes: 1001,
  });
  assert.ok(outcome.state === "completed");
  assert.equal(outcome.stdout, "é".repeat(500));
  assert.equal(outcome.stdoutTruncated, true);
  assert.equal(outcome.stderr, "x\n");
  assert.equal(outcome.stderrTruncated, false);
});

test("output that is not UTF-8 becomes text that any reader takes", { skip }, async () => {
  const outcome = await run("printf", "'a\\377b'");
  assert.ok(outcome.state === "completed");
  assert.equal(outcome.stdout, "a\ufffdb");
});

test("a program that writes 64 MB is read to its end in bounded memory", { skip }, async () => {
  const outcome = await run("head", "-c 64000000 /dev/zero", { maxOutputBytes: 1000 });
  assert.ok(outcome.state === "completed");
  assert.equal(outcome.exitCode, 0);
  assert.equal(outcome.stdout.length, 1000);
  assert.equal(outcome.stdoutTruncated, true);
});

test("the outcome comes with the program's exit, though a grandchild holds its output open", { skip }, async () => {
  const outcome = await shell("sleep 1000 & echo $!", { outputGraceMs: 50 });
  assert.ok(outcome.state === "completed");
  const grandchild = Number(outcome.stdout);
  assert.ok(isAlive(grandchild), "a program may leave a daemon behind");
  process.kill(grandchild, "SIGKILL");
});

test("cancelling terminates the whole group, and kills what ignores SIGTERM", { skip }, async () => {
  const pidFile = join(directory, "stubborn");
  const cancelling = new AbortController();
  const running = shell(`sh -c "trap '' TERM; echo \\$\\$ > ${pidFile}; while :; do sleep 1000; done" & wait`, {
    signal: cancelling.signal,
    terminateGraceMs: 100,
  });
  await until(() => existsSync(pidFile) && readFileSync(pidFile, "utf8").endsWith("\n"));
  const stubborn = Number(readFileSync(pidFile, "utf8"));
  assert.ok(isAlive(stubborn));
  cancelling.abort();
  const outcome = await running;
  assert.equal(outcome.state, "cancelled");
  await until(() => !isAlive(stubborn));
});

test("a program is given time to end in good order when it is cancelled", { skip }, async () => {
  const cancelling = new AbortController();
  const marker = join(directory, "ready");
  const running = shell(`trap 'echo bye; exit 3' TERM; touch ${marker}; while :; do sleep 0.05; done`, {
    signal: cancelling.signal,
  });
  await until(() => existsSync(marker));
  cancelling.abort();
  const outcome = await running;
  assert.ok(outcome.state === "cancelled");
  assert.equal(outcome.stdout, "bye\n");
  assert.equal(outcome.exitCode, 3);
});

test("a program cancelled before it started never starts", { skip }, async () => {
  const marker = join(directory, "must-not-exist");
  const outcome = await run("touch", marker, { signal: AbortSignal.abort() });
  assert.equal(outcome.state, "cancelled");
  assert.equal(existsSync(marker), false);
});

test("a program that runs longer than it may is stopped, and that is said", { skip }, async () => {
  const outcome = await run("sleep", "1000", { longestRunMs: 50 });
  assert.ok(outcome.state === "completed");
  assert.equal(outcome.exitCode, null);
  assert.match(outcome.detail ?? "", /longest time/);
});

test("a program that a signal ended says which", { skip }, async () => {
  const outcome = await shell("kill -SEGV $$");
  assert.ok(outcome.state === "completed");
  assert.equal(outcome.exitCode, null);
  assert.equal(outcome.detail, "ended by SIGSEGV");
});

test("even the shortest program is identified before it is gone", { skip }, async () => {
  for (let round = 0; round < 20; round += 1) {
    let identity: ProcessIdentity | null = null;
    const outcome = await run("true", null, {
      onStarted: (process) => {
        identity = process;
      },
    });
    assert.equal(outcome.state, "completed");
    assert.notEqual(identity, null);
  }
});

test("a program whose start cannot be written down is killed", { skip }, async () => {
  let pid = 0;
  await assert.rejects(
    run("sleep", "1000", {
      onStarted: (process) => {
        pid = process.pid;
        throw new Error("the disk is full");
      },
    }),
    /disk is full/,
  );
  await until(() => !isAlive(pid));
});

test("a leftover is terminated only if it is still the same process", { skip }, async () => {
  const bootId = readBootId();
  const child = spawn("sleep", ["1000"], { detached: true, stdio: "ignore" });
  const exited = once(child, "exit");
  const identity = identify(child.pid ?? 0, bootId);
  assert.ok(identity !== null);
  const enforcer = createRunProcessEnforcer({ terminateGraceMs: 1000 });
  assert.equal(await enforcer.terminateLeftover({ ...identity, startTicks: "1" }), false);
  assert.equal(await enforcer.terminateLeftover({ ...identity, bootId: "another boot" }), false);
  assert.ok(isAlive(identity.pid));
  assert.equal(await enforcer.terminateLeftover(identity), true);
  await exited;
  assert.equal(await enforcer.terminateLeftover(identity), false);
});

test("what a program has printed so far is told while it runs", { skip }, async () => {
  const go = join(directory, crypto.randomUUID());
  const told: PrintedSoFar[] = [];
  const outcome = await shell(`echo one; echo mistake >&2; while [ ! -e ${go} ]; do sleep 0.01; done; echo two`, {
    liveOutputEveryMs: 10,
    onOutput(printed) {
      told.push(printed);
      if (printed.stdout === "one\n" && printed.stderr === "mistake\n") writeFileSync(go, "");
    },
  });
  assert.ok(told.length > 0);
  assert.equal(outcome.state === "completed" && outcome.stdout, "one\ntwo\n");
});

test("of a lot that was printed the end is told, in whole characters", { skip }, async () => {
  const go = join(directory, crypto.randomUUID());
  const last: PrintedSoFar[] = [];
  await shell(`yes €€€ | head -n 30000; printf 'end'; while [ ! -e ${go} ]; do sleep 0.01; done`, {
    liveOutputEveryMs: 10,
    onOutput(printed) {
      if (!printed.stdout.endsWith("end")) return;
      last.push(printed);
      writeFileSync(go, "");
    },
  });
  const { stdout = "", stdoutTruncated } = last[0] ?? {};
  assert.equal(stdoutTruncated, true);
  assert.ok(Buffer.byteLength(stdout) <= 64 * 1024 && Buffer.byteLength(stdout) > 64 * 1024 - 4);
  assert.doesNotMatch(stdout, /\uFFFD/);
});
