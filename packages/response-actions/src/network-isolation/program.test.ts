import assert from "node:assert/strict";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { findProgram, runProgram } from "./program.ts";

const timeoutMs = 30_000;

test("a program is found in the first directory that has it, and not when it may not be run", async (t) => {
  const [first, second] = [await mkdtemp(join(tmpdir(), "cordon-")), await mkdtemp(join(tmpdir(), "cordon-"))];
  t.after(() => Promise.all([first, second].map((directory) => rm(directory, { recursive: true }))));
  assert.equal(await findProgram("tool", [first, second]), null);
  await writeFile(join(first, "tool"), "#!/bin/sh\n", { mode: 0o600 });
  assert.equal(await findProgram("tool", [first, second]), null);
  await writeFile(join(second, "tool"), "#!/bin/sh\n", { mode: 0o700 });
  assert.equal(await findProgram("tool", [first, second]), join(second, "tool"));
  await chmod(join(first, "tool"), 0o700);
  assert.equal(await findProgram("tool", [first, second]), join(first, "tool"));
});

test("a program gets its input and a clean environment, and its output comes back", async () => {
  assert.deepEqual(await runProgram("/bin/cat", [], { stdin: "one\ntwo\n", timeoutMs }), {
    succeeded: true,
    stdout: "one\ntwo\n",
  });
  const environment = await runProgram("/usr/bin/env", [], { timeoutMs });
  assert.ok(environment.succeeded);
  assert.deepEqual(environment.stdout.match(/^\w+/gm)?.sort(), ["LC_ALL", "PATH"]);
});

test("a program that fails is reported in its own words, on one line", async () => {
  const failed = await runProgram("/bin/sh", ["-c", "echo first >&2; echo second >&2; exit 3"], { timeoutMs });
  assert.deepEqual(failed, { succeeded: false, why: "first second" });
  const absent = await runProgram("/nonexistent/tool", [], { timeoutMs });
  assert.match(absent.succeeded ? "" : absent.why, /ENOENT/);
});

test("a program that does not read its input is no fault of it", async () => {
  const input = "x".repeat(1024 * 1024);
  assert.equal((await runProgram("/bin/true", [], { stdin: input, timeoutMs })).succeeded, true);
});

test("a program that hangs is killed after its time, and the result says so", async () => {
  const hung = await runProgram("/bin/sleep", ["600"], { timeoutMs: 50 });
  assert.deepEqual(hung, { succeeded: false, why: "/bin/sleep did not end within 50 ms" });
});
