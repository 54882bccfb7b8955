import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { statSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { formatJoinToken } from "@cordon/contract";
import { createExternalSystem, curlAs } from "../../../system-tests/src/external-system.ts";
import {
  type CentralNodeProcess,
  createFolder,
  runProgram,
  startCentralNode,
  thisMachine,
} from "../../../system-tests/src/programs.ts";
import { startFleet } from "./fleet.ts";

const hosts = 40;
const withinMs = 60_000;
/** Well-formed, and of no Central Node. */
const strangeToken = formatJoinToken({ caFingerprint: "ab".repeat(32), secret: randomBytes(32).toString("base64url") });

const cleanUps: (() => Promise<void> | void)[] = [];
let node: CentralNodeProcess;
let server: string;
let token: string;
/** Whichever test comes first enrols them. */
let identities: string;

before(async () => {
  const owner = { after: (cleanUp: () => Promise<void> | void) => void cleanUps.unshift(cleanUp) };
  node = await startCentralNode(owner);
  server = new URL(node.api).host;
  ({ token } = await node.admin<{ token: string }>("join-token", "create", "--uses", String(2 * hosts)));
  identities = createFolder(owner, "identities");
});
after(async () => {
  for (const cleanUp of cleanUps) await cleanUp();
});

test("a fleet connects, comes back after a cut, and is found again by its identities", async (t) => {
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
  const system = createExternalSystem(t);
  const soar = curlAs(system, node);
  await soar.get("sensors");
  await node.acceptSystem(system);
  const fleet = await startFleet({ hosts, servers: [server], token, identities, behaviour: { offlineShare: 0.5 } });
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
  await assert.rejects(
    startFleet({ hosts: 1, servers: ["127.0.0.1:1"], token: strangeToken }),
    /cannot reach a Central Node/,
  );
  await assert.rejects(startFleet({ hosts: 1, servers: ["127.0.0.1:1"], token: "nonsense" }), /join token/i);
});

test("hosts that are slow, lose their link at random or have another clock stay enrolled, and storms are counted", async () => {
  const words = ["--hosts", String(hosts), "--server", server, "--token", token, "--identities", identities, "--json"];
  const odd = ["--slow", "20%", "--flaky", "20%", "--offline", "50%", "--clock-skew", "86400", "--storm-every", "1"];
  const run = await runProgram(thisMachine, main, [...words, ...odd, "--duration", "4s", "--connect-per-sec", "50"]);
  assert.equal(run.exitCode, 0, run.stderr);
  const { hosts: held, offline, connects, disconnects, removed, storms, allConnectedMs } = JSON.parse(run.stdout);
  assert.deepEqual(
    { held, offline, disconnects, removed },
    { held: hosts, offline: hosts / 2, disconnects: 0, removed: 0 },
  );
  assert.ok(storms >= 1 && connects >= hosts / 2, run.stdout);
  // Fifty a second at most, those that are offline among them.
  assert.ok(allConnectedMs >= (hosts / 50) * 1000 * 0.9, run.stdout);
});

test("Ctrl-C ends the program with its summary", { timeout: 60_000 }, async () => {
  const words = ["--hosts", "4", "--server", server, "--token", token, "--identities", identities];
  const child = thisMachine.spawn(process.execPath, [main, ...words], { stdio: ["ignore", "pipe", "pipe"] });
  let [printed, said] = ["", ""];
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    printed += text;
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    said += text;
    if (said.includes("4 of 4 connected")) child.kill("SIGINT");
  });
  const [exitCode] = await once(child, "close");
  assert.equal(exitCode, 0, said);
  assert.match(printed, /connected at the end: +4\n/);
});

const main = fileURLToPath(new URL("./main.ts", import.meta.url));

test("the program says what was wrong with its words, and that a server is not there", async () => {
  const cases: [number, RegExp, string[]][] = [
    [2, /--hosts/, ["--server", "127.0.0.1:1"]],
    [
      2,
      /--slow must be a share such as 5%/,
      ["--hosts", "1", "--server", "127.0.0.1:1", "--slow", "many", "--token", strangeToken],
    ],
    [2, /--token/, ["--hosts", "1", "--server", "127.0.0.1:1"]],
    [3, /cannot reach a Central Node/, ["--hosts", "1", "--server", "127.0.0.1:1", "--token", strangeToken]],
  ];
  for (const [code, said, words] of cases) {
    const { exitCode, stderr } = await runProgram(thisMachine, main, words);
    assert.match(stderr, said);
    assert.equal(exitCode, code, stderr);
  }
});
