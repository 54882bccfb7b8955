import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { statSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { formatJoinToken } from "@cordon/contract";
import { createExternalSystem, curlAs } from "../../../system-tests/src/external-system.ts";
import { createFolder, runProgram, startCentralNode, thisMachine } from "../../../system-tests/src/programs.ts";
import { startFleet } from "./fleet.ts";

const hosts = 50;
const withinMs = 60_000;
/** Well-formed, and of no Central Node. */
const token = formatJoinToken({ caFingerprint: "ab".repeat(32), secret: randomBytes(32).toString("base64url") });

async function startNode(t: TestContext) {
  const node = await startCentralNode(t);
  const { token } = await node.admin<{ token: string }>("join-token", "create", "--uses", String(hosts));
  return { node, token, server: new URL(node.api).host };
}

test("a fleet connects, comes back after a cut, and is found again by its identities", async (t) => {
  const { server, token } = await startNode(t);
  const identities = createFolder(t, "identities");
  const first = await startFleet({ hosts, servers: [server], token, identities, processes: 2 });
  t.after(first.close);
  await first.connect(withinMs);
  assert.equal(await first.cut(), hosts);
  await first.untilConnected(hosts, withinMs);
  const { connects, connected, disconnects } = await first.counts();
  assert.deepEqual({ connects, connected, disconnects }, { connects: 2 * hosts, connected: hosts, disconnects: 0 });
  const ids = first.sensorIds().toSorted();
  await first.close();
  assert.equal(statSync(join(identities, "identities.jsonl")).mode & 0o777, 0o600);

  const second = await startFleet({ hosts, servers: [server], identities });
  t.after(second.close);
  assert.deepEqual(second.sensorIds().toSorted(), ids);
  await second.connect(withinMs);
});

test("an order to all is acknowledged by those that are there, and by the others when they come back", async (t) => {
  const { node, server, token } = await startNode(t);
  const system = createExternalSystem(t);
  const soar = curlAs(system, node);
  await soar.get("sensors");
  await node.acceptSystem(system);
  const fleet = await startFleet({ hosts, servers: [server], token, behaviour: { offlineShare: 0.5 } });
  t.after(fleet.close);
  await fleet.connect(withinMs);
  assert.equal((await fleet.counts()).connected, hosts / 2);
  const { status, text } = await soar.post("settings?sensor_id=all&settings_type=prevention", {
    settings: { objects: [{ file: { sha256: "ab".repeat(32) }, name: "bad" }] },
  });
  assert.equal(status, 200, text);
  const order = { action: "prevention", scope: "all", generation: 1 } as const;
  await assert.rejects(fleet.untilAcknowledged(order, 500), /reports of \d+ hosts are not acknowledged/);
  await fleet.setOffline(0);
  const { ms } = await fleet.untilAcknowledged(order, withinMs);
  assert.equal(ms.length, hosts);
  const held = await fleet.holds();
  assert.ok(held.every(({ settings }) => settings.some(({ wish }) => wish !== null)));
});

test("a token that is none, and a server that is dead, are told apart", async () => {
  await assert.rejects(startFleet({ hosts: 1, servers: ["127.0.0.1:1"], token }), /cannot reach a Central Node/);
  await assert.rejects(startFleet({ hosts: 1, servers: ["127.0.0.1:1"], token: "nonsense" }), /join token/i);
});

const main = fileURLToPath(new URL("./main.ts", import.meta.url));

test("the program ends with a summary of the hosts that it held", async (t) => {
  const { server, token } = await startNode(t);
  const words = ["--hosts", "10", "--server", server, "--token", token, "--duration", "1s", "--json"];
  const { exitCode, stdout, stderr } = await runProgram(thisMachine, main, words);
  assert.equal(exitCode, 0, stderr);
  const { hosts: held, connected, disconnects } = JSON.parse(stdout);
  assert.deepEqual({ held, connected, disconnects }, { held: 10, connected: 10, disconnects: 0 });
});

test("the program says what was wrong with its words, and that a server is not there", async () => {
  const cases: [number, RegExp, string[]][] = [
    [2, /--hosts/, ["--server", "127.0.0.1:1"]],
    [
      2,
      /--slow must be a share such as 5%/,
      ["--hosts", "1", "--server", "127.0.0.1:1", "--slow", "many", "--token", token],
    ],
    [2, /--token/, ["--hosts", "1", "--server", "127.0.0.1:1"]],
    [3, /cannot reach a Central Node/, ["--hosts", "1", "--server", "127.0.0.1:1", "--token", token]],
  ];
  for (const [code, said, words] of cases) {
    const { exitCode, stderr } = await runProgram(thisMachine, main, words);
    assert.match(stderr, said);
    assert.equal(exitCode, code, stderr);
  }
});
