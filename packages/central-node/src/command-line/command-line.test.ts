import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { request as httpsRequest } from "node:https";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { PassThrough, Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { after, type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { createTerminal } from "@cordon/terminal";
import { makeCertificate } from "../http/test-certificates.ts";
import { createServerProgram } from "./program.ts";

type Ready = { ready: true; api: string; console: string; metrics: string; pid: number };

const mainFile = fileURLToPath(new URL("../main.ts", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "cordon-test-"));
const children = new Set<ChildProcess>();
after(() => {
  for (const child of children) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

/** Runs the real program in a process of its own, on free ports, by its file as an operator's shell does. */
function startNode(
  dataDir: string,
  addresses = ["--api", "127.0.0.1:0", "--console", "[::1]:0", "--metrics", "127.0.0.1:0"],
) {
  const child = spawn(mainFile, ["start", "--data-dir", dataDir, ...addresses], {
    stdio: ["ignore", "pipe", "pipe"],
    // The Node of this very test.
    env: { PATH: `${dirname(process.execPath)}:${process.env.PATH}` },
  });
  children.add(child);
  const stderr = text(child.stderr);
  const lines: string[] = [];
  const ready = new Promise<Ready>((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      lines.push(line);
      resolve(JSON.parse(line));
    });
    child.once("exit", async () => reject(new Error(`it ended: ${await stderr}`)));
  });
  return {
    ready,
    lines,
    async end(signal: NodeJS.Signals) {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill(signal);
        await once(child, "exit");
      }
      children.delete(child);
      return { exitCode: child.exitCode, stderr: await stderr };
    },
  };
}

/** One command line, in this process, as if typed in a shell. */
async function type(line: string[], { stdin = "" } = {}) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const terminal = createTerminal({ stdin: Readable.from([stdin]), stdout, stderr, environment: {} });
  const program = createServerProgram({ terminal, environment: {}, account: "tester", now: () => new Date() });
  const output = Promise.all([text(stdout), text(stderr)]);
  const exitCode = await program.run(line);
  stdout.end();
  stderr.end();
  const [shown, complaint] = await output;
  return { exitCode, shown, complaint, json: () => JSON.parse(shown) };
}

async function startForTest(t: TestContext) {
  const dataDir = join(mkdtempSync(join(folder, "node-")), "data");
  const node = startNode(dataDir);
  const ready = await node.ready;
  t.after(() => node.end("SIGTERM"));
  return {
    node,
    ready,
    dataDir,
    run: (...line: string[]) => type([...line, "--data-dir", dataDir]),
    runWith: (stdin: string, ...line: string[]) => type([...line, "--data-dir", dataDir], { stdin }),
  };
}

async function knock(api: string, client: { pem: string; key: string }, id: string): Promise<number | undefined> {
  const url = new URL(`/kata/response_api/v1/${id}/sensors`, api);
  return new Promise((resolve, reject) => {
    const options = { cert: client.pem, key: client.key, rejectUnauthorized: false, agent: false };
    const outgoing = httpsRequest(url, options, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    outgoing.once("error", reject).end();
  });
}

test("a node says in one line that it is ready and where, logs to stderr, and ends in good order on SIGTERM", async () => {
  const dataDir = join(mkdtempSync(join(folder, "node-")), "data");
  const node = startNode(dataDir);
  const ready = await node.ready;
  assert.match(ready.api, /^https:\/\/127\.0\.0\.1:\d+$/);
  assert.match(ready.console, /^https:\/\/\[::1\]:\d+$/);
  assert.match(ready.metrics, /^http:\/\/127\.0\.0\.1:\d+$/);
  const second = await type(["start", "--data-dir", dataDir, "--api", "127.0.0.1:0", "--console", "127.0.0.1:0"]);
  assert.equal(second.exitCode, 1);
  assert.match(second.complaint, new RegExp(`already running in .*, pid ${ready.pid}`));
  const { exitCode, stderr } = await node.end("SIGTERM");
  assert.equal(exitCode, 0);
  assert.deepEqual(node.lines.length, 1);
  for (const line of stderr.trim().split("\n")) assert.ok(JSON.parse(line).msg, line);
});

test("a node that was killed starts again on the same data directory, and knows what it knew", async () => {
  const dataDir = join(mkdtempSync(join(folder, "node-")), "data");
  const killed = startNode(dataDir);
  await killed.ready;
  const run = (...line: string[]) => type([...line, "--data-dir", dataDir]);
  assert.equal((await run("join-token", "create")).exitCode, 0);
  await killed.end("SIGKILL");
  const stopped = await run("join-token", "list");
  assert.equal(stopped.exitCode, 3);
  assert.match(stopped.complaint, /no Central Node runs on the data directory/);
  const again = startNode(dataDir);
  await again.ready;
  assert.equal((await run("join-token", "list", "--json")).json().length, 1);
  assert.equal((await again.end("SIGINT")).exitCode, 0);
});

test("a node that cannot listen where it was told to ends and says what to do", async (t) => {
  const { ready } = await startForTest(t);
  const dataDir = join(mkdtempSync(join(folder, "node-")), "data");
  const { host } = new URL(ready.api);
  const failed = startNode(dataDir, ["--api", "127.0.0.1:0", "--console", host, "--metrics", "127.0.0.1:0"]);
  await assert.rejects(failed.ready, /address already in use.*\n.*--console/);
  assert.deepEqual((await failed.end("SIGKILL")).exitCode, 1);
});

test("an external system is listed, named, accepted and withdrawn by the words typed", async (t) => {
  const { run, ready } = await startForTest(t);
  const [client, other] = [await makeCertificate({ commonName: "soar \u001b[31m" }), await makeCertificate()];
  assert.equal(await knock(ready.api, client, "SOAR-1"), 401);
  const listed = await run("external-system", "list");
  assert.match(listed.shown, /SOAR-1\s+-\s+pending\s+[0-9a-f]{64}\s+CN=soar/);
  assert.ok(!listed.shown.includes("\u001b"));
  assert.equal((await run("external-system", "name", "soar-1", "data centre 2")).exitCode, 0);
  assert.match((await run("external-system", "accept", "soar-1")).shown, /^accepted SOAR-1 with [0-9a-f]{64}\n$/);
  assert.equal(await knock(ready.api, client, "soar-1"), 200);
  const [system] = (await run("external-system", "list", "--json")).json();
  assert.deepEqual(
    [system.state, system.name, system.decidedBy],
    ["accepted", "data centre 2", "local-administrator:tester"],
  );
  assert.equal((await run("external-system", "withdraw", "SOAR-1")).exitCode, 0);
  assert.equal(await knock(ready.api, client, "SOAR-1"), 401);
  assert.equal((await run("external-system", "accept", "SOAR-1")).exitCode, 5);

  assert.equal(await knock(ready.api, client, "two"), 401);
  assert.equal(await knock(ready.api, other, "two"), 401);
  const ambiguous = await run("external-system", "accept", "two", "--json");
  assert.equal(ambiguous.exitCode, 1);
  const fingerprint = other.certificate.fingerprint256;
  assert.match(ambiguous.complaint, new RegExp(fingerprint.replaceAll(":", "").toLowerCase()));
  assert.equal((await run("external-system", "accept", "two", "--fingerprint", fingerprint)).exitCode, 0);
  assert.deepEqual([await knock(ready.api, other, "two"), await knock(ready.api, client, "two")], [200, 401]);
});

test("join tokens and users are made, listed and taken away by the words typed", async (t) => {
  const { run, runWith } = await startForTest(t);
  assert.match(
    (await run("join-token", "create", "--ttl", "30m", "--uses", "3")).shown,
    /^cordon1\.[0-9a-f]{64}\.\S{43}\n$/,
  );
  const [token] = (await run("join-token", "list", "--json")).json();
  assert.equal(token.usesLeft, 3);
  assert.equal((await run("join-token", "revoke", token.id)).exitCode, 0);
  assert.equal((await run("join-token", "revoke", token.id)).exitCode, 5);
  assert.equal((await run("join-token", "create", "--ttl", "soon")).exitCode, 2);
  assert.equal((await run("join-token", "create", "--ttl", "60d")).exitCode, 2);

  const add = ["user", "add", "alice", "--role", "administrator", "--password-stdin"];
  assert.equal((await runWith("correct horse battery\n", ...add)).exitCode, 0);
  assert.equal((await runWith("short\n", ...add)).exitCode, 2);
  assert.equal((await runWith("correct horse battery\n", ...add)).exitCode, 1);
  assert.equal((await run("user", "disable", "alice")).exitCode, 1);
  assert.equal((await runWith("another long one\n", "user", "set-password", "alice", "--password-stdin")).exitCode, 0);
  assert.match((await run("user", "list")).shown, /alice\s+administrator/);
  assert.match((await run("host", "list")).shown, /No host has enrolled yet/);
  assert.equal((await run("host", "remove", "nobody")).exitCode, 5);

  assert.match((await run("prevention", "blocks")).shown, /Nothing was blocked/);
  assert.deepEqual((await run("prevention", "blocks", "--json")).json(), { events: [], counts: [], losses: [] });
  assert.equal((await run("prevention", "blocks", "--host", "nobody")).exitCode, 5);
  assert.equal((await run("prevention", "blocks", "--limit", "many")).exitCode, 2);

  const verified = await run("audit", "verify", "--json");
  assert.equal(verified.exitCode, 0);
  const exported = (await run("audit", "export")).shown
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.deepEqual(
    exported.map((entry) => entry.action),
    ["join-token.create", "join-token.revoke", "user.add", "user.set-password"],
  );
  assert.equal(verified.json().lastHash, exported.at(-1).hash);
});

test("status, doctor and backup work on a running node, and doctor on a stopped one too", async (t) => {
  const { run, ready, dataDir, node } = await startForTest(t);
  const status = (await run("status", "--json")).json();
  assert.deepEqual([status.ready, status.api, status.pid], [true, ready.api, ready.pid]);
  const running = await run("doctor", "--json");
  assert.equal(running.exitCode, 0, running.shown);
  assert.match((await run("doctor")).shown, /ok\s+node\s+runs as pid/);
  const file = join(folder, "copy.db");
  assert.equal((await run("backup", file)).exitCode, 0);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.equal((await run("backup", file)).exitCode, 1);

  await node.end("SIGTERM");
  const addresses = ["--api", "127.0.0.1:0", "--console", "127.0.0.1:0"];
  const stopped = await run("doctor", ...addresses, "--json");
  assert.equal(stopped.exitCode, 0, stopped.shown);
  const verdicts = new Map(
    stopped.json().map((check: { name: string; verdict: string }) => [check.name, check.verdict]),
  );
  assert.deepEqual([verdicts.get("node"), verdicts.get("database")], ["warn", "ok"]);
  const taken = await run("doctor", ...addresses, "--database", "postgres://nobody@127.0.0.1:1/none", "--json");
  assert.equal(taken.exitCode, 1);
  assert.equal((await type(["doctor", "--data-dir", join(dataDir, "missing"), ...addresses])).exitCode, 1);
});

test("a database that goes away during the start is told as such, and not as a bug", async (t) => {
  const database = createServer((socket) => socket.destroy()).listen(0, "127.0.0.1");
  t.after(() => database.close());
  await once(database, "listening");
  const { port } = database.address() as AddressInfo;
  const url = `postgres://cordon@127.0.0.1:${port}/postgres`;
  const node = startNode(mkdtempSync(join(folder, "node-")), ["--api", "127.0.0.1:0", "--database", url]);
  await assert.rejects(node.ready, ({ message }: Error) => {
    assert.match(message, /the database does not answer: .*\n.*--database/);
    assert.doesNotMatch(message, /bug/);
    return true;
  });
});

test("wrong usage is exit code 2, and --print-config shows what would be used", async () => {
  assert.equal((await type(["external-system", "accept"])).exitCode, 2);
  assert.equal((await type(["frobnicate"])).exitCode, 2);
  assert.equal((await type(["user", "add", "x", "--role", "king"])).exitCode, 2);
  const flags = ["--database", "postgres://u:s3cret@db.example/c", "--server-name", "a.example", "b.example"];
  const printed = await type(["start", "--print-config", ...flags]);
  assert.deepEqual(printed.json().serverNames, ["a.example", "b.example"]);
  assert.doesNotMatch(printed.shown, /s3cret/);
  assert.equal((await type(["start", "--log-level", "loud"])).exitCode, 2);
  const tooLong = await type(["start", "--data-dir", `/tmp/${"x".repeat(100)}`]);
  assert.deepEqual([tooLong.exitCode, /may have 108/.test(tooLong.complaint)], [2, true]);
});
