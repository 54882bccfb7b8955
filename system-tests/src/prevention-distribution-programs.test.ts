/** 100,000 hashes through the real programs: the Response API, mutual TLS, the agent's journal, and the blocks back. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { createExternalSystem, curlAs } from "./external-system.ts";
import { until } from "./namespaces.ts";
import { enrolHost, startCentralNode } from "./programs.ts";

const agentMain = fileURLToPath(new URL("./prevention-distribution-agent.ts", import.meta.url));
const call = "settings?sensor_id=all&settings_type=prevention";
const hashOf = (number: number) => createHash("sha256").update(String(number)).digest("hex");
const bodyOf = (hashes: string[]) => ({
  settings: { objects: hashes.map((hash) => ({ file: { sha256: hash }, name: `case ${hash.slice(0, 6)}` })) },
});

test("100,000 hashes reach a host, one more as what changed, they outlive a kill, and blocks are counted", async (t) => {
  const central = await startCentralNode(t);
  const host = await enrolHost(t, central, { main: [agentMain] });
  const system = createExternalSystem(t);
  const soar = curlAs(system, central);
  await soar.get("sensors");
  await central.acceptSystem(system);

  const stateOf = async () => (await soar.get("sensors")).body.sensors[0].settingStates[0];
  const inEffect = (generation: number) =>
    until(
      `generation ${generation} is in effect`,
      async () => {
        const state = await stateOf();
        return state?.state === "in_effect" && state.reportedGeneration === generation ? state : null;
      },
      60_000,
    );
  const timed = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
    const started = performance.now();
    const result = await work();
    t.diagnostic(`${what}: ${Math.round(performance.now() - started)} ms`);
    return result;
  };

  const hashes = Array.from({ length: 99_999 }, (_, number) => hashOf(number));
  await timed("99,999 hashes, from the order to in effect", async () => {
    const ordered = await timed("99,999 hashes, from the order to its answer", () => soar.post(call, bodyOf(hashes)));
    assert.equal(ordered.status, 200, ordered.text.slice(0, 500));
    await inEffect(1);
  });
  const { blocks24h, detail } = await until("the block is counted and the alarm told", async () => {
    const state = await stateOf();
    return state.blocks24h > 0 && state.detail?.startsWith("TEST_ALARM") ? state : null;
  });
  assert.equal(blocks24h, 1);
  assert.match(detail, /^TEST_ALARM at .*: as the test wants it; 99999 files$/);
  await timed("one more", async () => {
    assert.equal((await soar.post(call, bodyOf([...hashes, hashOf(-1)]))).status, 200);
    await inEffect(2);
  });
  assert.match(host.log(), /"generation":1,"lifted":false/);
  assert.doesNotMatch(host.log(), /asking for the whole rule/);

  const listed = await central.admin<{ events: { path: string; sensorId: string }[]; counts: { blocks: number }[] }>(
    "prevention",
    "blocks",
  );
  assert.deepEqual(
    listed.events.map(({ path, sensorId }) => [path, sensorId]),
    [["/tmp/dropper", host.sensorId]],
  );
  assert.deepEqual(
    listed.counts.map(({ blocks }) => blocks),
    [1],
  );
  const metrics = await (await fetch(`${central.metrics}/metrics`)).text();
  assert.match(metrics, /^cordon_blocks_total\{kind="denied"\} 1$/m);

  await timed("after kill -9, from the start to in effect again", async () => {
    await host.restart();
    const isBack = async () =>
      (await host.status()).settings.some(({ state, generation }) => state === "in-effect" && generation === 2);
    await until("the rule is made true again", isBack, 60_000);
  });
  assert.equal((await soar.get(call)).body.settings.objects.length, 100_000);
});
