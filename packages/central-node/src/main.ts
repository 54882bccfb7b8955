#!/usr/bin/env -S node --max-semi-space-size=8
// V8 would let what is new grow to 128 MB in a storm of agents, and keep it: 30 KB for each of 3,000.
import { userInfo } from "node:os";
import { createTerminal } from "@cordon/terminal";
import { createServerProgram } from "./command-line/program.ts";

const { stdin, stdout, stderr, env: environment } = process;
const terminal = createTerminal({ stdin, stdout, stderr, environment });
const program = createServerProgram({ terminal, environment, account: accountName(), now: () => new Date() });
process.exitCode = await program.run(process.argv.slice(2));

function accountName(): string {
  // sudo says who was asked for the password: that is the person, root is only the account.
  const person = process.env.SUDO_USER;
  try {
    const { username } = userInfo();
    return person === undefined || person === "" ? username : `${username} (${person})`;
  } catch {
    // A user ID without an entry in the password file, as in containers.
    return `uid ${process.getuid?.() ?? "unknown"}`;
  }
}
