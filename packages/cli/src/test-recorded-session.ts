/** For tests: runs command lines in this process, against recorded Central Nodes, with a clock that moves when it is waited for. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import type { TestContext } from "node:test";
import { createTerminal } from "@cordon/terminal";
import { createCordon } from "./cordon.ts";
import { createProfileStore } from "./profile/profile-store.ts";
import { type Issued, issue, type Reply, startRecordedCentralNode } from "./test-recorded-central-node.ts";

export const authority = await issue({ subject: "Authority", authority: true });
export const own = await issue({
  subject: "server",
  issuer: authority,
  names: [{ type: "ip", value: "127.0.0.1" }],
});

export async function openSession(t: TestContext) {
  const root = await mkdtemp(join(tmpdir(), "cordon-cli-"));
  t.after(() => rm(root, { recursive: true }));
  const profilesDirectory = join(root, "cordon", "profiles");
  let nowMs = Date.parse("2026-11-24T12:00:00Z");
  const clock = {
    nowMs: () => nowMs,
    async delay(ms: number) {
      nowMs += ms;
    },
  };

  const run = async (args: string[], { stdin = "" } = {}) => {
    const texts = { stdout: "", stderr: "" };
    const capture = (name: "stdout" | "stderr") =>
      new PassThrough().on("data", (chunk) => {
        texts[name] += chunk;
      });
    const terminal = createTerminal({
      stdin: Readable.from([stdin]),
      stdout: capture("stdout"),
      stderr: capture("stderr"),
      environment: {},
    });
    const profiles = createProfileStore(profilesDirectory);
    const exitCode = await createCordon(terminal, { profiles, defaultProfileName: "default", clock }).run(args);
    return { exitCode, ...texts };
  };

  return {
    root,
    run,
    /** Ends with the test. */
    async serve(replies: Record<string, Reply[]>, chain: Issued[] = [own, authority]) {
      const server = await startRecordedCentralNode({ replies, chain });
      t.after(server.close);
      return server;
    },
  };
}

/** A session whose profile is made and accepted already. */
export async function openConnectedSession(t: TestContext, replies: Record<string, Reply[]>) {
  const session = await openSession(t);
  const server = await session.serve({ "GET /sensors": [ok({ sensors: [] })], ...replies });
  const { exitCode, stderr } = await session.run(["connect", server.url]);
  if (exitCode !== 0) throw new Error(stderr);
  server.asked.length = 0;
  return { ...session, asked: server.asked };
}

export const ok = (body: unknown): Reply => ({ status: 200, body });
export const no = (status: number, body: unknown): Reply => ({ status, body });
