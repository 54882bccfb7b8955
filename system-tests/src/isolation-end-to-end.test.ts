/** From curl to the kernel and back: what an isolation does to a real host, through nothing but the real programs. */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { untilTaskEnds } from "./external-system.ts";
import { captureAtStranger, createWholeSystem, waysAre } from "./isolation-end-to-end-lab.ts";
import { needsNamespaces, until } from "./namespaces.ts";
import { answers, asks, carries, connects, openConnection, pings, refusedPackets } from "./network-isolation-lab.ts";
import { is, notFound } from "./worked-exchange-lab.ts";

test(
  "an isolation that curl orders cuts the host off, but for the Central Node and what is excluded",
  needsNamespaces,
  async (t) => {
    const whole = await createWholeSystem(t);
    const { host, stranger, network, soar, agent, path } = whole;
    await waysAre(true, whole);
    const connections = [
      { from: stranger, to: host, ...(await openConnection(stranger, host, host.ipv4)) },
      { from: stranger, to: host, ...(await openConnection(stranger, host, host.ipv6)) },
      { from: host, to: stranger, ...(await openConnection(host, stranger, stranger.ipv4)) },
    ];

    await t.test("the host is cut off, and says so", async () => {
      const orderedAt = performance.now();
      await whole.order();
      const state = await whole.untilReported("in_effect");
      t.diagnostic(`from POST to in effect, as curl sees it: ${Math.round(performance.now() - orderedAt)} ms`);
      assert.match(state.detail, /^0 exclusions, Central Node 192\.0\.2\.10:443, IPv4 and IPv6 cut; /);
      assert.deepEqual([state.scope, state.reason, state.orderedGeneration], ["host", null, 1]);
      assert.ok(Date.parse(state.reportedAt) >= Date.parse(state.orderedAt) - 1000);
    });

    await t.test(
      "no ping, TCP or UDP passes on IPv4 or IPv6, nor what was open, and the stranger sees no packet",
      async () => {
        const capture = await captureAtStranger(whole);
        await waysAre(false, whole);
        for (const { from, near, to, far } of connections) {
          const before = await refusedPackets(host);
          await from.ask("say", { connection: near, text: "anybody there?" });
          await until("its packet is refused", async () => (await refusedPackets(host)) > before);
          assert.doesNotMatch(await to.ask("heard", { connection: far }), /anybody/);
        }
        await answers(connects, [host, network.central.ipv4, 8443], false, "another port of the Central Node");
        assert.deepEqual(await capture.packetsOfHost(), []);
      },
    );

    await t.test("the agent's link lives: a task runs and its output comes back", async () => {
      const taskId = randomUUID();
      await soar.post(`tasks/${taskId}?sensor_id=${agent.sensorId}&task_type=run_process`, {
        task: { execCommand: "/bin/echo", cmdLineParameters: "still here" },
      });
      assert.equal((await untilTaskEnds(soar, taskId)).stdout, "still here\n");
      assert.equal(agent.log().split("welcomed by the Central Node").length - 1, 1, "it never had to reconnect");
    });

    await t.test(
      "a second order replaces the first whole: its exclusion passes in just the direction asked",
      async () => {
        const excluded = {
          direction: "outbound",
          protocol: 6,
          remoteIpv4Address: stranger.ipv4,
          remotePortRange: { fromPort: 8080, toPort: 8080 },
        };
        await whole.order([excluded], 7200);
        const state = await whole.untilReported("in_effect");
        assert.match(state.detail, /^1 exclusion, /);
        await answers(connects, [host, stranger.ipv4], true);
        await answers(connects, [stranger, host.ipv4], false);
        await answers(connects, [host, stranger.ipv6], false);
        await answers(asks, [host, stranger.ipv4], false);
        await answers(pings, [host, stranger.ipv4], false);
        const [setting] = (await agent.status()).settings;
        assert.ok(setting?.remainingSec != null && setting.remainingSec > 7100, JSON.stringify(setting));
      },
    );

    await t.test("a third without exclusions shuts that as well", async () => {
      await whole.order();
      assert.match((await whole.untilReported("in_effect")).detail, /^0 exclusions, /);
      await answers(connects, [host, stranger.ipv4], false);
    });

    await t.test("ended by curl, everything passes again, also what was open before", async () => {
      is(await soar.delete(path), 200, {});
      assert.equal((await whole.untilReported("lifted")).reason, null);
      is(await soar.get(path), 404, notFound);
      await waysAre(true, whole);
      for (const connection of connections) await carries(connection, "again");
    });
  },
);
