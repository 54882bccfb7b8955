/** Confirm or revert: rules behind which the Central Node does not answer do not stay, whoever lives or dies meanwhile. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { startProgram } from "./called-program.ts";
import { createWholeSystem, waysAre } from "./isolation-end-to-end-lab.ts";
import { needsNamespaces, until } from "./namespaces.ts";
import type { EnforcerCalls } from "./network-isolation-enforcer.ts";
import { answers, createLab, exclusion, pings, wishOf } from "./network-isolation-lab.ts";

const shortTrialMain = fileURLToPath(new URL("./isolation-hardened-agent.ts", import.meta.url));

function createDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "cordon-isolation-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

test(
  "an isolation that would cut the agent off from its Central Node is taken back, and reported as such",
  needsNamespaces,
  async (t) => {
    // The host translates the address that its agent knows: the rules see another one, and nobody could tell from the address.
    const alias = "198.51.100.99";
    const whole = await createWholeSystem(t, {
      host: { main: [shortTrialMain], servers: [`https://${alias}:443`] },
      async prepare({ host, central }) {
        await host.run("ip", ["route", "add", alias, "dev", "eth0"]);
        const rule = `ip daddr ${alias} dnat to ${central.ipv4}`;
        const table = `table ip other { chain o { type nat hook output priority -100; ${rule}; }; }`;
        const loaded = await host.run("nft", [table]);
        assert.equal(loaded.exitCode, 0, loaded.stderr);
      },
    });
    await whole.order();
    await until("the host is cut", async () => !(await pings(300, whole.stranger, whole.host.ipv4)));
    const state = await whole.untilReported("failed");
    assert.equal(state.reason, "NOT_CONFIRMED");
    assert.match(state.detail, /did not answer within 6 s behind the rules; the host is open again, .* after 120 s$/);
    await waysAre(true, whole);
    assert.equal((await whole.agent.status()).link, "connected");
  },
);

test("with the agent killed in the middle of a trial the kernel opens the host again", needsNamespaces, async (t) => {
  const lab = await createLab(t);
  const { host, stranger, enforcer, centralNode } = lab;
  await enforcer.ask("renew", { trialSec: 3 });
  await enforcer.ask("centralNodeIs", { reachability: "awaited" });
  const order = enforcer.ask("enforce", { wish: wishOf([]), remainingSec: 7200, centralNode });
  const started = performance.now();
  await until("the host is cut", async () => !(await pings(200, stranger, host.ipv4)));
  await enforcer.kill();
  await assert.rejects(order, /ended/);
  await until("the stranger reaches the host again", () => pings(300, stranger, host.ipv4));
  const lastedMs = performance.now() - started;
  assert.ok(lastedMs > 2_000 && lastedMs < 6_000, `it lasted ${Math.round(lastedMs)} ms`);
});

test("a trial that an earlier agent began goes on and is not begun anew", needsNamespaces, async (t) => {
  const lab = await createLab(t);
  const { enforcer, centralNode } = lab;
  const order = { wish: wishOf([]), remainingSec: 7200, centralNode };
  await enforcer.ask("renew", { trialSec: 20 });
  await enforcer.ask("centralNodeIs", { reachability: "called-off" });
  const called = await enforcer.ask("enforce", order);
  assert.equal(called.state === "failed" && called.reason, "NOT_CONFIRMED");
  const left = async () => {
    const listed = await lab.host.run("nft", ["-j", "list", "set", "inet", "cordon_isolation", "active"]);
    return Number(/"expires": (\d+)/.exec(listed.stdout)?.[1]);
  };
  await until("some of its time has passed", async () => (await left()) <= 17);
  await enforcer.ask("renew", { trialSec: 20 });
  await enforcer.ask("centralNodeIs", { reachability: "called-off" });
  await enforcer.ask("enforce", order);
  assert.ok((await left()) <= 17, `${await left()} s are left`);
  await enforcer.ask("centralNodeIs", { reachability: "reached" });
  const confirmed = await enforcer.ask("enforce", order);
  assert.ok(confirmed.state === "in-effect" && Number(confirmed.remainingSec) > 7000, JSON.stringify(confirmed));
});

test("trials that fail come less and less often, and a newer order does not wait", needsNamespaces, async (t) => {
  const lab = await createLab(t);
  const { enforcer, centralNode, host, stranger } = lab;
  const order = { wish: wishOf([]), remainingSec: 7200, centralNode };
  await enforcer.ask("centralNodeIs", { reachability: "silent" });
  for (const retryAfterSec of [120, 240, 480]) {
    const effect = await enforcer.ask("enforce", order);
    assert.ok(effect.state === "failed" && effect.reason === "NOT_CONFIRMED", JSON.stringify(effect));
    assert.equal(effect.retryAfterSec, retryAfterSec);
    await answers(pings, [stranger, host.ipv4], true);
  }
  await enforcer.ask("centralNodeIs", { reachability: "reached" });
  assert.equal((await enforcer.ask("enforce", order)).state, "in-effect");
});

test("rules that stand and do not work are noticed by a packet that they should refuse", needsNamespaces, async (t) => {
  const lab = await createLab(t);
  const { enforcer, centralNode, host, stranger } = lab;
  // The host's own routing takes the probe to loopback, where nothing is cut: a stand-in for whatever passes rules by.
  const rule = ["rule", "add", "ipproto", "udp", "dport", "9", "lookup", "100"];
  assert.equal((await host.run("ip", rule)).exitCode, 0);
  await host.run("ip", ["route", "add", "local", "0.0.0.0/0", "dev", "lo", "table", "100"]);
  const effect = await enforcer.ask("enforce", { wish: wishOf([]), remainingSec: 7200, centralNode });
  assert.equal(effect.state === "failed" && effect.reason, "NOT_CONFIRMED", JSON.stringify(effect));
  assert.match(
    effect.state === "failed" ? effect.detail : "",
    /^a packet to 192\.0\.2\.10 that the rules should refuse was sent/,
  );
  await answers(pings, [stranger, host.ipv4], true);
});

test(
  "what was confirmed keeps all of its time when it is applied again without a Central Node",
  needsNamespaces,
  async (t) => {
    const lab = await createLab(t);
    const { enforcer, host, stranger, centralNode } = lab;
    const directory = createDirectory(t);
    await enforcer.ask("renew", { directory });
    await lab.isolate([exclusion({})]);
    await enforcer.kill();
    // As after a reboot.
    await host.run("nft", ["flush", "ruleset"]);
    await answers(pings, [stranger, host.ipv4], true);
    const next = startProgram<EnforcerCalls>(lab.network.host, "./network-isolation-enforcer.ts");
    await next.ask("renew", { directory });
    await next.ask("centralNodeIs", { reachability: "silent" });
    const order = { wish: wishOf([exclusion({})]), remainingSec: 3000, centralNode };
    const effect = await next.ask("enforce", order);
    assert.ok(effect.state === "in-effect" && Number(effect.remainingSec) > 2900, JSON.stringify(effect));
    await answers(pings, [stranger, host.ipv4], false);

    // Other exclusions do not change the way to the Central Node; other Central Nodes do.
    assert.equal((await next.ask("enforce", { ...order, wish: wishOf([]) })).state, "in-effect");
    const elsewhere = await next.ask("enforce", { ...order, centralNode: [{ address: "192.0.2.11", port: 443 }] });
    assert.equal(elsewhere.state === "failed" && elsewhere.reason, "NOT_CONFIRMED");
  },
);
