import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { startProgram } from "./called-program.ts";
import { needsNamespaces, until } from "./namespaces.ts";
import type { EnforcerCalls } from "./network-isolation-enforcer.ts";
import {
  answers,
  asks,
  carries,
  connects,
  createLab,
  exclusion,
  openConnection,
  pings,
  servicePort,
  wishOf,
} from "./network-isolation-lab.ts";

test(
  "an equal isolation is left alone, another end changes the timer alone, other rules replace it",
  needsNamespaces,
  async (t) => {
    const lab = await createLab(t);
    const { host, stranger, enforcer } = lab;
    const handle = async () =>
      /"name": "cordon_isolation", "handle": (\d+)/.exec((await host.run("nft", ["-j", "list", "tables"])).stdout)?.[1];
    await lab.isolate([exclusion({})]);
    const kept = await openConnection(host, stranger, stranger.ipv4);
    const first = await handle();
    // As after a restart of the agent: the enforcer knows nothing but what stands in the kernel.
    await enforcer.ask("renew", {});
    await lab.isolate([exclusion({})]);
    const renewed = await lab.isolate([exclusion({})], 60);
    assert.equal(await handle(), first);
    assert.ok(renewed.state === "in-effect" && renewed.remainingSec !== null && renewed.remainingSec <= 60);
    await carries({ from: host, near: kept.near, to: stranger, far: kept.far }, "still open");
    await lab.isolate([exclusion({ protocol: 17 })]);
    assert.notEqual(await handle(), first);
    await answers(connects, [host, stranger.ipv4], false);
    await answers(asks, [host, stranger.ipv4], true);
  },
);

test("rules that somebody changed are reported, and made good by the same order", needsNamespaces, async (t) => {
  const lab = await createLab(t);
  const { host, stranger, enforcer } = lab;
  const table = "inet cordon_isolation";
  for (const change of [
    `insert rule ${table} isolated_in accept`,
    `flush chain ${table} isolated_in`,
    `flush chain ${table} input`,
    `delete element ${table} active { ipv4 }`,
    `add element ${table} central_node_ipv4 { ${stranger.ipv4} . ${servicePort} }`,
    // As many rules as before, but others.
    `flush chain ${table} forward; add rule ${table} forward accept`,
  ]) {
    await lab.isolate();
    assert.equal((await enforcer.ask("readBack", null)).state, "in-effect");
    const changed = await host.run("nft", [change]);
    assert.equal(changed.exitCode, 0, changed.stderr);
    const found = await enforcer.ask("readBack", null);
    assert.equal(found.state === "failed" && found.reason, "READ_BACK_DIFFERS", change);
    await lab.isolate();
    await answers(pings, [stranger, host.ipv4], false, change);
    await answers(connects, [host, stranger.ipv4], false, change);
  }
  await host.run("nft", ["flush", "ruleset"]);
  const flushed = await enforcer.ask("readBack", null);
  assert.equal(flushed.state === "failed" && flushed.reason, "READ_BACK_DIFFERS");
  await answers(pings, [stranger, host.ipv4], false, "the twin holds");
  await lab.isolate();
  await answers(pings, [stranger, host.ipv4], false);
});

test("a host that may not load rules says so, and fails an order for the reason it has", needsNamespaces, async (t) => {
  const lab = await createLab(t);
  const { enforcer, centralNode } = lab;
  assert.deepEqual(await enforcer.ask("ability", null), { able: true });
  assert.deepEqual(await enforcer.ask("readBack", null), { state: "lifted" }, "asking changes nothing");

  const order = { wish: wishOf([]), remainingSec: 7200, centralNode };
  const unresolved = await enforcer.ask("enforce", { ...order, centralNode: [] });
  assert.equal(unresolved.state === "failed" && unresolved.reason, "CENTRAL_NODE_UNRESOLVED");
  assert.deepEqual(
    await enforcer.ask("enforce", { ...order, remainingSec: 0 }),
    { state: "lifted" },
    "its time is over",
  );

  const powerless = startProgram<EnforcerCalls>(lab.network.host, "./network-isolation-enforcer.ts", [
    "setpriv",
    "--bounding-set=-net_admin",
    "--inh-caps=-net_admin",
  ]);
  const ability = await powerless.ask("ability", null);
  assert.match(ability.able ? "" : ability.why, /Operation not permitted/);
  const refused = await powerless.ask("enforce", order);
  assert.equal(refused.state, "failed", JSON.stringify(refused));
  assert.deepEqual(await enforcer.ask("readBack", null), { state: "lifted" });
});

test(
  "where no nft stays alive, one is started for each call, and what that means is said",
  needsNamespaces,
  async (t) => {
    const lab = await createLab(t);
    const { host, stranger, enforcer } = lab;
    const directory = await mkdtemp(join(tmpdir(), "cordon-programs-"));
    t.after(() => rm(directory, { recursive: true }));
    const nft = (await host.run("which", ["nft"])).stdout.trim();
    const wrapper = `#!/bin/sh\ncase "$*" in *-i) exec sleep 600;; *) exec ${nft} "$@";; esac\n`;
    await writeFile(join(directory, "nft"), wrapper, { mode: 0o700 });
    await enforcer.ask("renew", { programDirectories: [directory], programTimeoutMs: 1000 });
    const effect = await lab.isolate();
    assert.match(effect.detail, /a flush by another program would open the host for a moment: nft does not answer/);
    await answers(pings, [stranger, host.ipv4], false);
    assert.equal((await enforcer.ask("readBack", null)).state, "in-effect");
    await lab.lift();
    await answers(pings, [stranger, host.ipv4], true);
  },
);

test(
  "a kernel that takes no table with an owner still isolates, and what that means is said",
  needsNamespaces,
  async (t) => {
    const lab = await createLab(t);
    const { host, stranger, enforcer } = lab;
    // Somebody else's twin stands in the way: refused as by a kernel that knows no owners.
    const other = host.spawn("nft", ["-i"], { stdio: ["pipe", "ignore", "ignore"] });
    other.stdin?.write("table inet cordon_isolation_owned { flags owner; }\n");
    await until("it stands", async () => (await host.run("nft", ["list", "tables"])).stdout.includes("_owned"));
    const effect = await lab.isolate();
    assert.match(
      effect.detail,
      /a flush by another program would open the host for a moment: .*Operation not permitted/,
    );
    await answers(pings, [stranger, host.ipv4], false);
    assert.equal((await enforcer.ask("readBack", null)).state, "in-effect", "and is not tried again each minute");
    await lab.lift();
    await answers(pings, [stranger, host.ipv4], true);
  },
);
