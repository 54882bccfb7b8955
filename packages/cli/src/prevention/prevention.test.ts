import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { no, ok, openConnectedSession } from "../test-recorded-session.ts";

const [a, b, c] = ["a", "b", "c"].map((digit) => digit.repeat(64)) as [string, string, string];
const md5 = "d8e577bf078c45954f4531885478d5a9";
const rule = (...hashes: string[]) => ({
  settings: { objects: hashes.map((hash) => ({ file: hash.length === 64 ? { sha256: hash } : { md5: hash } })) },
});
const all = "/settings?sensor_id=all&settings_type=prevention";

test("prevention get shows the rule and on how many hosts it is in effect", async (t) => {
  const state = (state: string) => ({
    settingStates: [{ type: "prevention", scope: "all", state, orderedGeneration: 1 }],
  });
  const { run } = await openConnectedSession(t, {
    [`GET ${all}`]: [ok(rule(a, md5)), ok(rule(a, md5)), no(404, { error: "Not Found" })],
    "GET /sensors": [
      ok({ sensors: [] }),
      ok({
        sensors: [
          { sensorId: "1", ...state("in_effect") },
          { sensorId: "2", ...state("not_supported") },
        ],
      }),
    ],
  });
  const plain = await run(["prevention", "get", "all"]);
  assert.equal(plain.exitCode, 0);
  assert.match(
    plain.stdout,
    /2 files on all hosts\nhosts: +in-effect on 1, not-supported on 1\nKIND +HASH +LABEL\nsha256 +a{64} +-\nmd5 +d8e/,
  );
  const { files } = JSON.parse((await run(["prevention", "get", "all", "--json"])).stdout);
  assert.deepEqual(files, [
    { algorithm: "sha256", hash: a },
    { algorithm: "md5", hash: md5 },
  ]);
  const none = await run(["prevention", "get", "all"]);
  assert.equal(none.exitCode, 0);
  assert.match(none.stdout, /no rule for all hosts/);
});

test("add and remove read the rule and write it back whole; set and clear replace it", async (t) => {
  const { run, asked } = await openConnectedSession(t, {
    [`GET ${all}`]: [ok(rule(a, b))],
    [`POST ${all}`]: [ok(rule())],
    [`DELETE ${all}`]: [ok({})],
  });
  const change = async (args: string[], stdin = "") => {
    asked.length = 0;
    const { exitCode, stdout, stderr } = await run(["prevention", ...args, "--json"], { stdin });
    assert.equal(exitCode, 0, stderr);
    const { added, removed, total } = JSON.parse(stdout);
    const order = asked.find(({ method }) => method !== "GET");
    return { counts: [added, removed, total], order: order && [order.method, order.body] };
  };
  assert.deepEqual(await change(["add", "all", b.toUpperCase(), c]), {
    counts: [1, 0, 3],
    order: ["POST", rule(a, b, c)],
  });
  assert.deepEqual(await change(["add", "all", b]), { counts: [0, 0, 2], order: undefined });
  assert.deepEqual(await change(["remove", "all", a, c]), { counts: [0, 1, 1], order: ["POST", rule(b)] });
  assert.deepEqual(await change(["remove", "all", a, b]), { counts: [0, 2, 0], order: ["POST", rule()] });
  assert.deepEqual(await change(["set", "all", "-"], `${b}\n${md5}\n`), {
    counts: [1, 1, 2],
    order: ["POST", rule(b, md5)],
  });
  assert.deepEqual(await change(["clear", "all"]), { counts: [0, 2, 0], order: ["DELETE", undefined] });
});

test("labels that somebody gave in the console survive add, remove and set", async (t) => {
  const labelled = [{ file: { sha256: a }, name: "dropper" }, { file: { sha256: b, name: "loader" } }];
  const { run, asked } = await openConnectedSession(t, {
    [`GET ${all}`]: [ok({ settings: { objects: labelled } })],
    [`POST ${all}`]: [ok(rule())],
  });
  const written = async (...args: string[]) => {
    assert.equal((await run(["prevention", ...args])).exitCode, 0);
    return asked.at(-1)?.body;
  };
  const [dropper] = labelled;
  const loader = { file: { sha256: b }, name: "loader" };
  const whole = (...objects: unknown[]) => ({ settings: { objects } });
  assert.deepEqual(await written("add", "all", c), whole(dropper, loader, { file: { sha256: c } }));
  assert.deepEqual(await written("remove", "all", a), whole(loader));
  assert.deepEqual(await written("set", "all", a, c), whole(dropper, { file: { sha256: c } }));
});

test("the modes of a rule survive add, remove and set, and each can be named to change it", async (t) => {
  const modes = { scripts: true, killRunning: true };
  const { run, asked } = await openConnectedSession(t, {
    [`GET ${all}`]: [ok({ settings: { ...rule(a).settings, ...modes } })],
    [`POST ${all}`]: [ok(rule())],
  });
  const written = async (...args: string[]) => {
    asked.length = 0;
    assert.equal((await run(["prevention", ...args])).exitCode, 0);
    const order = asked.find(({ method }) => method === "POST");
    if (order === undefined) return null;
    const { objects, ...rest } = (order.body as { settings: { objects: unknown[] } }).settings;
    return [objects.length, rest];
  };
  assert.deepEqual(await written("add", "all", b), [2, modes]);
  assert.deepEqual(await written("set", "all", b, c), [2, modes]);
  assert.deepEqual(await written("add", "all", b, "--no-scripts"), [2, { killRunning: true }]);
  assert.deepEqual(await written("add", "all", "--no-kill-running"), [1, { scripts: true }]);
  assert.deepEqual(await written("remove", "all", c, "--no-scripts", "--no-kill-running"), [1, {}]);
  assert.deepEqual(await written("remove", "all", c, "--scripts"), null, "as it is already");
  const { stdout } = await run(["prevention", "get", "all"]);
  assert.match(stdout, /modes: +scripts, kill-running/);
});

test("a file of this machine is named by what is in it, and one that cannot be read changes nothing", async (t) => {
  const { run, asked, root } = await openConnectedSession(t, { [`POST ${all}`]: [ok(rule())] });
  const file = join(root, "dropper");
  await writeFile(file, "bad\n");
  const hash = createHash("sha256").update("bad\n").digest("hex");
  assert.equal((await run(["prevention", "add", "all", "--file", file, a, "--file", file])).exitCode, 0);
  assert.deepEqual(asked.at(-1)?.body, rule(a, hash));
  asked.length = 0;
  assert.notEqual((await run(["prevention", "add", "all", "--file", join(root, "missing")])).exitCode, 0);
  assert.equal((await run(["prevention", "add", "all"])).exitCode, 2);
  assert.equal((await run(["prevention", "add", "all", "--scripts"])).exitCode, 1, "there is no rule to set it of");
  assert.equal(asked.filter(({ method }) => method === "POST").length, 0);
});

test("get tells how often hosts blocked, and which hashes they refuse", async (t) => {
  const state = (state: object) => ({
    settingStates: [{ type: "prevention", scope: "all", state: "in_effect", orderedGeneration: 1, ...state }],
  });
  const refused = [{ hash: a, reason: "HOST_NEEDS_IT", detail: "/usr/bin/bash" }];
  const { run } = await openConnectedSession(t, {
    [`GET ${all}`]: [ok(rule(a, b))],
    "GET /sensors": [
      ok({ sensors: [] }),
      ok({
        sensors: [
          { sensorId: "1", host: "host1", ...state({ blocks24h: 7, refused, refusedCount: 1 }) },
          { sensorId: "2", host: "host2", ...state({ blocks24h: 0 }) },
        ],
      }),
    ],
  });
  const { stdout } = await run(["prevention", "get", "all"]);
  assert.match(stdout, /blocks: +7 in the last 24 hours, on 1 host\n/);
  assert.match(stdout, /host1 +a{64} +HOST_NEEDS_IT +\/usr\/bin\/bash/);
});

test("an empty list does not clear a rule by accident", async (t) => {
  const { run, asked } = await openConnectedSession(t, {});
  const { exitCode, stderr } = await run(["prevention", "set", "all", "-"], { stdin: "# nothing\n" });
  assert.equal(exitCode, 2);
  assert.match(stderr, /cordon prevention clear/);
  assert.equal(asked.length, 0);
});

test("a conflict is passed on with the server's words", async (t) => {
  const { run } = await openConnectedSession(t, {
    [`POST ${all}`]: [
      no(400, { error: "Prevention rule already exists", message: "taken", hosts: [{ sensorId: "1", host: "host4" }] }),
    ],
  });
  const { exitCode, stderr } = await run(["prevention", "add", "all", a]);
  assert.equal(exitCode, 1);
  assert.match(stderr, /Prevention rule already exists: taken\n {2}It is in the rule of: host4 \(1\)/);
});
