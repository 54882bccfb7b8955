/** What a host goes through besides being isolated: away when something is ordered, a Central Node that moves, removal. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { curlAs, settingStateOf, untilTaskEnds } from "./external-system.ts";
import { createWholeSystem, waysAre } from "./isolation-end-to-end-lab.ts";
import { type NetworkNode, needsNamespaces, until } from "./namespaces.ts";
import { enrolHost, startCentralNode } from "./programs.ts";
import { is, notFound } from "./worked-exchange-lab.ts";

test("orders for a host that is away wait, and are carried out when it comes back", needsNamespaces, async (t) => {
  const whole = await createWholeSystem(t);
  const { agent, soar, central } = whole;
  await agent.kill("SIGTERM");
  await whole.order();
  const taskId = randomUUID();
  await soar.post(`tasks/${taskId}?sensor_id=${agent.sensorId}&task_type=run_process`, {
    task: { execCommand: "/bin/echo", cmdLineParameters: "late" },
  });
  assert.equal((await settingStateOf(soar, agent)).state, "pending");
  assert.equal((await soar.get(`tasks/${taskId}`)).body.state, "waiting");
  await waysAre(true, whole);

  await central.restart();
  await agent.restart();
  await whole.untilReported("in_effect");
  await waysAre(false, whole);
  assert.equal((await untilTaskEnds(soar, taskId)).stdout, "late\n");
});

test("a host that is given several Central Nodes enrols at the first that answers, and connects to one that does", async (t) => {
  const central = await startCentralNode(t);
  const nobody = "https://127.0.0.1:1";
  const agent = await enrolHost(t, central, { servers: [nobody, central.api] });
  await agent.restart();
  await agent.untilConnected();
});

test("a Central Node that moved to another address is found again by an isolated host", needsNamespaces, async (t) => {
  const whole = await createWholeSystem(t);
  const { agent, network, system } = whole;
  await whole.order();
  await whole.untilReported("in_effect");
  const { central, host } = network;
  await central.run("ip", ["addr", "del", `${central.ipv4}/24`, "dev", "eth0"]);
  // After the other is gone: with the first address of a network go those that were added later.
  await central.run("ip", ["addr", "add", "192.0.2.11/24", "dev", "eth0"]);
  const ping = (from: NetworkNode) => from.run("ping", ["-c", "1", "-W", "1", "192.0.2.11"]);
  assert.equal((await ping(network.stranger)).exitCode, 0, "it is there");
  assert.notEqual((await ping(host)).exitCode, 0, "the host is isolated from it");
  await agent.restart(undefined, ["--server", "https://192.0.2.11:443"]);
  await agent.untilConnected();

  const soar = curlAs(system, { api: "https://192.0.2.11:443" }, { place: central });
  const taskId = randomUUID();
  await soar.post(`tasks/${taskId}?sensor_id=${agent.sensorId}&task_type=run_process`, {
    task: { execCommand: "/usr/sbin/nft", cmdLineParameters: "list table inet cordon_isolation" },
  });
  const { stdout } = await untilTaskEnds(soar, taskId);
  assert.match(stdout, /192\.0\.2\.11 \. 443/);
  assert.doesNotMatch(stdout, /192\.0\.2\.10/, "the old address is shut");
  await waysAre(false, whole);
});

test(
  "a host that is removed is cut off from the Central Node at once, and stays as it is",
  needsNamespaces,
  async (t) => {
    const whole = await createWholeSystem(t);
    const { agent, central, soar, path } = whole;
    await whole.order();
    await whole.untilReported("in_effect");
    const taskId = randomUUID();
    await soar.post(`tasks/${taskId}?sensor_id=${agent.sensorId}&task_type=run_process`, {
      task: { execCommand: "/bin/sleep", cmdLineParameters: "600" },
    });
    await until("the task runs", async () => (await soar.get(`tasks/${taskId}`)).body.state === "running");

    await central.admin("host", "remove", agent.sensorId);
    await until("the agent was sent away", async () => (await agent.status()).link === "removed", 5_000);
    const listed = await soar.get("sensors");
    is(listed, 200, { server: listed.body.server, sensors: [] });
    is(await soar.get(path), 404, notFound);
    is(await soar.post(path, { settings: { autoTurnoffTimeoutInSec: 3600 } }), 404, notFound);
    const { body } = await soar.get(`tasks/${taskId}`);
    assert.deepEqual([body.state, body.error], ["failed", "HOST_REMOVED: the host was removed"]);
    await waysAre(false, whole);

    // Its certificate is refused from then on.
    await agent.restart();
    await until("it is refused", () => agent.log().includes("it does not accept this host's certificate"));
    assert.notEqual((await agent.status()).link, "connected");
    // On the host a person can still open it.
    await agent.release();
    await waysAre(true, whole);
  },
);
