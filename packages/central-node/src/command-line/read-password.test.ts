import assert from "node:assert/strict";
import { PassThrough, Readable } from "node:stream";
import { test } from "node:test";
import { createTerminal } from "@cordon/terminal";
import { askForPassword, readPasswordFromStdin } from "./read-password.ts";

function makeTerminal({ isTTY }: { isTTY: boolean }) {
  const stdin = Object.assign(new PassThrough(), { isTTY });
  const stderr = new PassThrough();
  return { stdin, stderr, terminal: createTerminal({ stdin, stdout: new PassThrough(), stderr, environment: {} }) };
}

/** Types each answer once its prompt is there. */
async function typeAnswers({ stdin, stderr }: { stdin: PassThrough; stderr: PassThrough }, answers: string[]) {
  let shown = "";
  for await (const chunk of stderr) {
    shown += chunk;
    if (/: $/.test(shown)) stdin.write(`${answers.shift()}\n`);
    if (answers.length === 0) break;
  }
  return shown;
}

test("a password is asked for twice on a terminal, and what is typed does not show", async () => {
  const streams = makeTerminal({ isTTY: true });
  const asked = askForPassword(streams.terminal);
  const shown = await typeAnswers(streams, ["correct horse", "correct horse"]);
  assert.equal(await asked, "correct horse");
  assert.match(shown, /Password: .*Again: /s);
  assert.doesNotMatch(shown, /horse/);
});

test("two different passwords are refused", async () => {
  const streams = makeTerminal({ isTTY: true });
  const refused = assert.rejects(askForPassword(streams.terminal), /the two passwords differ/);
  await typeAnswers(streams, ["one", "other"]);
  await refused;
});

test("without a terminal a password is not asked for", async () => {
  await assert.rejects(askForPassword(makeTerminal({ isTTY: false }).terminal), /stdin is none/);
});

test("a password on stdin is its first line", async () => {
  assert.equal(await readPasswordFromStdin(Readable.from(["correct ho", "rse\r\nmore\n"])), "correct horse");
  await assert.rejects(readPasswordFromStdin(Readable.from([])), /no password came/);
});
