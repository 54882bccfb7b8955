/** What other programs and people on the host can do to an isolation, and what is said about it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { settingStateOf } from "./external-system.ts";
import { captureAtStranger, createWholeSystem, type WholeSystem, waysAre } from "./isolation-end-to-end-lab.ts";
import { needsNamespaces, until } from "./namespaces.ts";
import { pings, servicePort } from "./network-isolation-lab.ts";

/** Tables of a family in the host's kernel, by name. */
async function tablesOf({ host }: Pick<WholeSystem, "host">): Promise<string[]> {
  const listed = JSON.parse((await host.run("nft", ["-j", "list", "tables"])).stdout) as {
    nftables: { table?: { name: string } }[];
  };
  return listed.nftables.flatMap(({ table }) => table?.name ?? []);
}

/** The nft that owns the twin; null while there is none. */
async function holderOf({ host, agent }: Pick<WholeSystem, "host" | "agent">): Promise<number | null> {
  const children = await host.run("ps", ["--ppid", String(agent.pid()), "-o", "pid=,args="]);
  const line = children.stdout.split("\n").find((each) => /nft -j -i$/.test(each.trim()));
  return line === undefined ? null : Number(line.trim().split(" ")[0]);
}

test(
  "a flush of the whole ruleset by another program lets no packet out, and is reported within a second",
  needsNamespaces,
  async (t) => {
    const whole = await createWholeSystem(t);
    const { host, stranger, soar, agent } = whole;
    await whole.order();
    await whole.untilReported("in_effect");
    const capture = await captureAtStranger(whole);
    await host.ask("startStream", { address: stranger.ipv4, port: servicePort });
    await until("the stream runs", async () => (await host.ask("streamed", null)).refused > 100);

    for (const times of ["1 time", "2 times", "3 times"]) {
      assert.equal((await host.run("nft", ["flush", "ruleset"])).exitCode, 0);
      const flushedAt = Date.now();
      const state = await until(`tampering ${times}`, async () => {
        const found = await settingStateOf(soar, agent);
        return found?.reason === "TAMPERED" && found.detail.includes(` ${times}, last at `) ? found : null;
      });
      assert.equal(state.state, "in_effect");
      // By the agent's own clock, which is this machine's; what curl takes to see it is not the agent's doing.
      const tookMs = Date.parse(state.reportedAt) - flushedAt;
      t.diagnostic(`reported ${tookMs} ms after the flush`);
      assert.ok(tookMs <= 1000, `reported ${tookMs} ms after the flush`);
      assert.ok((await tablesOf(whole)).includes("cordon_isolation"), "and made good");
    }

    const { sent, refused } = await host.ask("streamed", null);
    await host.ask("stopStream", null);
    assert.equal(sent, 0, `of ${refused + sent} datagrams`);
    assert.deepEqual(await capture.packetsOfHost(), []);
    await waysAre(false, whole);
    assert.equal((await whole.agent.status()).link, "connected");
  },
);

test("whoever ends the nft that holds the twin, it is there again, and nothing passes", needsNamespaces, async (t) => {
  const whole = await createWholeSystem(t);
  const { host, stranger } = whole;
  await whole.order();
  await whole.untilReported("in_effect");
  const before = await holderOf(whole);
  await host.ask("startStream", { address: stranger.ipv4, port: servicePort });
  assert.ok(before !== null);
  process.kill(before, "SIGKILL");
  await until("another nft is there", async () => ![null, before].includes(await holderOf(whole)));
  await until("it holds the twin", async () => (await tablesOf(whole)).includes("cordon_isolation_owned"));
  // The twin alone: what a flush leaves.
  await host.run("nft", ["flush", "ruleset"]);
  assert.ok((await tablesOf(whole)).includes("cordon_isolation_owned"));
  assert.equal((await host.ask("streamed", null)).sent, 0);
  await host.ask("stopStream", null);
});

test(
  "with the agent hanging, a person releases the host all the same, and it stays so when the agent goes on",
  needsNamespaces,
  async (t) => {
    const whole = await createWholeSystem(t);
    const { agent, host, stranger } = whole;
    await whole.order();
    await whole.untilReported("in_effect");
    agent.pause();
    assert.equal((await host.run("nft", ["delete", "table", "inet", "cordon_isolation"])).exitCode, 0);
    assert.equal(await pings(300, stranger, host.ipv4), false, "the twin of the one that hangs still holds");
    assert.deepEqual(await agent.release(), { state: "lifted", by: "this program" });
    await waysAre(true, whole);
    agent.resume();
    assert.equal((await whole.untilReported("failed")).reason, "RELEASED_LOCALLY");
    await waysAre(true, whole);
    assert.deepEqual(await tablesOf(whole), []);
  },
);

test("an agent that is killed leaves no process behind, and the plain table holds", needsNamespaces, async (t) => {
  const whole = await createWholeSystem(t);
  const { agent, host } = whole;
  await whole.order();
  await whole.untilReported("in_effect");
  const of = async () => (await host.run("ps", ["-e", "-o", "pid=,args="])).stdout;
  const children = (await host.run("ps", ["--ppid", String(agent.pid()), "-o", "pid="])).stdout.trim().split(/\s+/);
  assert.ok(children.length >= 2, "an nft that holds, and one that listens");
  await agent.kill();
  await until("they are gone", async () => {
    const alive = (await of()).split("\n").map((line) => line.trim().split(" ")[0]);
    return children.every((pid) => !alive.includes(pid));
  });
  assert.deepEqual(await tablesOf(whole), ["cordon_isolation"]);
  await waysAre(false, whole);
});
