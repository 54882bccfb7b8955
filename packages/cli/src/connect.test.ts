import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fingerprintOf } from "./identity.ts";
import { issue, startRecordedCentralNode } from "./test-recorded-central-node.ts";
import { authority, no, ok, openSession, own } from "./test-recorded-session.ts";

const unauthorized = no(401, { error: "Unauthorized" });
const empty = ok({ server: { version: "0.1.0" }, sensors: [] });

test("connect shows what the administrator compares and types, waits, and keeps one identity", async (t) => {
  const { run, serve } = await openSession(t);
  const server = await serve({ "GET /sensors": [unauthorized, unauthorized, unauthorized, empty] });
  const { exitCode, stdout, stderr } = await run(["connect", server.url]);
  assert.equal(exitCode, 0, stderr);
  const fingerprint = /Fingerprint: +([0-9a-f]{64})/.exec(stderr)?.[1];
  assert.equal(fingerprint, server.asked[0]?.fingerprint);
  assert.match(stderr, /cordon-server external-system accept [0-9a-f-]{36} --data-dir DIR/);
  assert.match(stderr, new RegExp(`Trusting from now on .*${fingerprintOf(authority.pem)}`));
  assert.match(stdout, /connected to: +https:\/\/127/);
  assert.equal(server.asked.length, 4);
  const again = await run(["connect", server.url, "--json"]);
  assert.equal(JSON.parse(again.stdout).fingerprint, fingerprint);
  assert.equal(JSON.parse(again.stdout).accepted, true);
  assert.equal(again.stderr, "");
  assert.deepEqual(new Set(server.asked.map((asked) => asked.fingerprint)), new Set([fingerprint]));
});

test("connect --no-wait exits with 4 until accepted, and a wait that runs out exits with 6", async (t) => {
  const { run, serve } = await openSession(t);
  const server = await serve({ "GET /sensors": [unauthorized] });
  assert.equal((await run(["connect", server.url, "--no-wait"])).exitCode, 4);
  const late = await run(["connect", server.url, "--timeout", "1m"]);
  assert.equal(late.exitCode, 6);
  assert.match(late.stderr, /Run the same command again once it is accepted/);
});

test("a command before acceptance exits with 4 and says how to get accepted", async (t) => {
  const { run, serve } = await openSession(t);
  const server = await serve({ "GET /sensors": [unauthorized] });
  await run(["connect", server.url, "--no-wait"]);
  const { exitCode, stderr } = await run(["host", "list"]);
  assert.equal(exitCode, 4);
  assert.match(stderr, /cordon-server external-system accept/);
});

test("a full list of pending systems is reported as such", async (t) => {
  const { run, serve } = await openSession(t);
  const server = await serve({ "GET /sensors": [no(429, { error: "Too Many Requests" })] });
  const { exitCode, stderr } = await run(["connect", server.url]);
  assert.equal(exitCode, 1);
  assert.match(stderr, /wait to be accepted/);
});

test("a server that changed is refused before anything is sent, until the new certificate is trusted", async (t) => {
  const { run, serve } = await openSession(t);
  const server = await serve({ "GET /sensors": [empty] });
  await run(["connect", server.url]);
  await server.close();
  const stranger = await issue({ subject: "server", names: [{ type: "ip", value: "127.0.0.1" }] });
  const options = { replies: { "GET /sensors": [empty] }, chain: [stranger], port: server.port };
  const changed = await startRecordedCentralNode(options);
  t.after(changed.close);
  for (const args of [
    ["host", "list"],
    ["connect", server.url],
  ]) {
    const { exitCode, stderr } = await run(args);
    assert.equal(exitCode, 3);
    assert.match(stderr, /is not the one that was trusted/);
    assert.match(stderr, new RegExp(fingerprintOf(stranger.pem)));
    assert.match(stderr, /--trust-new-certificate/);
  }
  assert.equal(changed.asked.length, 0);
  assert.equal((await run(["connect", server.url, "--trust-new-certificate"])).exitCode, 0);
  assert.equal((await run(["host", "list"])).exitCode, 0);
});

test("a certificate can be pinned from the start, by file or by fingerprint", async (t) => {
  const { run, serve, root } = await openSession(t);
  const server = await serve({ "GET /sensors": [empty] });
  const stranger = await issue({ subject: "Stranger", authority: true });
  await writeFile(join(root, "good.pem"), authority.pem);
  await writeFile(join(root, "bad.pem"), stranger.pem);
  await writeFile(join(root, "two.pem"), authority.pem + stranger.pem);
  const connect = async (profile: string, ...flags: string[]) =>
    (await run(["connect", server.url, "--profile", profile, ...flags])).exitCode;
  assert.equal(await connect("a", "--ca", join(root, "bad.pem")), 3);
  assert.equal(await connect("b", "--fingerprint", fingerprintOf(stranger.pem)), 3);
  assert.equal(server.asked.length, 0);
  assert.equal(await connect("c", "--ca", join(root, "good.pem")), 0);
  const withColons = fingerprintOf(own.pem).toUpperCase().match(/../g)?.join(":") ?? "";
  assert.equal(await connect("d", "--fingerprint", withColons), 0);
  assert.equal(await connect("e", "--ca", join(root, "two.pem")), 2);
  assert.equal(await connect("f", "--fingerprint", "abc"), 2);
  assert.equal(await connect("g", "--ca", "x", "--fingerprint", "y"), 2);
});

test("an address that is none is wrong usage, and one where nothing listens exits with 3", async (t) => {
  const { run, serve } = await openSession(t);
  for (const url of [
    "central.example.com",
    "http://central.example.com",
    "https://a/b",
    "https://u@a",
    "https://a?x",
  ]) {
    assert.equal((await run(["connect", url])).exitCode, 2, url);
  }
  const server = await serve({});
  await server.close();
  const { exitCode, stderr } = await run(["connect", server.url]);
  assert.equal(exitCode, 3);
  assert.match(stderr, /cannot reach the Central Node at 127\.0\.0\.1/);
});

test("one profile is for one server, once it was in contact", async (t) => {
  const { run, serve } = await openSession(t);
  const gone = await serve({});
  await gone.close();
  assert.equal((await run(["connect", gone.url])).exitCode, 3);
  const first = await serve({ "GET /sensors": [empty] });
  assert.equal((await run(["connect", first.url])).exitCode, 0);
  const second = await serve({ "GET /sensors": [empty] });
  assert.equal((await run(["connect", second.url])).exitCode, 2);
  assert.equal((await run(["connect", second.url, "--profile", "second"])).exitCode, 0);
  const { profiles } = JSON.parse((await run(["profile", "list", "--json"])).stdout);
  assert.deepEqual(
    profiles.map(({ name, server, isDefault }: Record<string, unknown>) => [name, server, isDefault]),
    [
      ["default", first.url, true],
      ["second", second.url, false],
    ],
  );
  const removed = await run(["profile", "remove", "second"]);
  assert.equal(removed.exitCode, 0);
  assert.match(removed.stderr, /external-system withdraw/);
  assert.equal((await run(["profile", "remove", "second"])).exitCode, 5);
  assert.equal((await run(["host", "list", "--profile", "second"])).exitCode, 2);
});
