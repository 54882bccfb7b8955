import assert from "node:assert/strict";
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { needsNamespaces, until } from "./namespaces.ts";
import {
  answers,
  asks,
  connects,
  createLab,
  exclusion,
  openConnection,
  pings,
  refusedPackets,
  servicePort,
} from "./network-isolation-lab.ts";

test("an outbound exclusion lets just the host open, and just to its ports", needsNamespaces, async (t) => {
  const lab = await createLab(t);
  const { host, stranger, central } = lab;
  for (const peer of [host, stranger]) {
    for (const port of [8000, 8005, 8010, 8011]) {
      await peer.ask("listenTcp", { port });
      await peer.ask("listenUdp", { port });
    }
  }
  const remotePorts = { from: 8000, to: 8010 };
  for (const protocol of [6, 17] as const) {
    const works = protocol === 6 ? connects : asks;
    await lab.isolate([exclusion({ protocol, remotePorts })]);
    for (const port of [8000, 8005, 8010]) await answers(works, [host, stranger.ipv4, port], true, `port ${port}`);
    await answers(works, [host, stranger.ipv4, 8011], false, "one port beside");
    await answers(works, [host, stranger.ipv6, 8005], false, "the same host by its IPv6 address");
    await answers(works, [host, central.ipv4, 8080], false, "another address");
    await answers(works, [stranger, host.ipv4, 8005], false, "the stranger opens");
    await answers(works, [stranger, host.ipv4, 8005, 8007], false, "the stranger opens from an excluded port");
    await answers(protocol === 6 ? asks : connects, [host, stranger.ipv4, 8005], false, "the other protocol");
    await answers(pings, [host, stranger.ipv4], false);
  }
});

test("an inbound exclusion lets just the remote side open, and just to its ports", needsNamespaces, async (t) => {
  const lab = await createLab(t);
  const { host, stranger, central } = lab;
  for (const peer of [host, stranger]) {
    for (const port of [3389, 3390, 3391]) {
      await peer.ask("listenTcp", { port });
      await peer.ask("listenUdp", { port });
    }
  }
  for (const protocol of [6, 17] as const) {
    const works = protocol === 6 ? connects : asks;
    await lab.isolate([exclusion({ direction: "inbound", protocol, localPorts: { from: 3389, to: 3390 } })]);
    await answers(works, [stranger, host.ipv4, 3389], true);
    await answers(works, [stranger, host.ipv4, 3390], true);
    await answers(works, [stranger, host.ipv4, 3391], false, "one port beside");
    await answers(works, [stranger, host.ipv6, 3389], false, "IPv6");
    await answers(works, [central, host.ipv4, 3389], false, "another address");
    await answers(works, [host, stranger.ipv4, 3389], false, "the host opens");
    // Not 3390: that port of the host is taken by its own listener.
    await lab.isolate([exclusion({ direction: "inbound", protocol, localPorts: { from: 3389, to: 4000 } })]);
    await answers(works, [host, stranger.ipv4, 3389, 3999], false, "the host opens from an excluded port");
  }
});

test("an exclusion of ICMP lets pings through in just the direction asked", needsNamespaces, async (t) => {
  const lab = await createLab(t);
  const { host, stranger } = lab;
  for (const [direction, out, back] of [
    ["outbound", true, false],
    ["inbound", false, true],
    ["both", true, true],
  ] as const) {
    await lab.isolate([exclusion({ direction, protocol: 1 })]);
    await answers(pings, [host, stranger.ipv4], out, `${direction}: the host pings`);
    await answers(pings, [stranger, host.ipv4], back, `${direction}: the stranger pings`);
    await answers(connects, [host, stranger.ipv4], false);
    await answers(asks, [stranger, host.ipv4], false);
  }
});

test(
  "an exclusion of every protocol lets TCP, UDP and ping through in just the direction asked",
  needsNamespaces,
  async (t) => {
    const lab = await createLab(t);
    const { host, stranger } = lab;
    for (const [direction, out, back] of [
      ["outbound", true, false],
      ["inbound", false, true],
      ["both", true, true],
    ] as const) {
      await lab.isolate([exclusion({ direction, protocol: null })]);
      for (const [from, to, expected] of [
        [host, stranger, out],
        [stranger, host, back],
      ] as const) {
        for (const probe of [pings, connects, asks])
          await answers(probe, [from, to.ipv4], expected, `${direction}: ${from.namespace} opens`);
      }
    }
  },
);

test("1,000 exclusions are in effect, the last as the first", needsNamespaces, async (t) => {
  const lab = await createLab(t);
  const { host, stranger } = lab;
  const others = Array.from({ length: 999 }, (_, n) => exclusion({ remoteAddress: `10.0.${n >> 8}.${n & 255}` }));
  const started = performance.now();
  const effect = await lab.isolate([...others, exclusion({})]);
  t.diagnostic(`in effect after ${Math.round(performance.now() - started)} ms`);
  assert.match(effect.state === "in-effect" ? effect.detail : "", /^1000 exclusions/);
  await answers(connects, [host, stranger.ipv4], true);
  await answers(connects, [stranger, host.ipv4], false);
});

test("an inbound connection from before does not ride an outbound exclusion", needsNamespaces, async (t) => {
  const lab = await createLab(t);
  const { host, stranger } = lab;
  const old = await openConnection(stranger, host, host.ipv4, servicePort, 5555);
  // Another program's firewall starts tracking connections only now: the host speaks first, is taken for the opener, and
  // the connection that the stranger opened stands in the kernel as one that the host did.
  await host.run("nft", ["-f", "-"], {
    stdin: "table inet other { chain o { type filter hook output priority 0; ct state established accept; }; }\n",
  });
  await host.ask("say", { connection: old.far, text: "host speaks first" });
  await until("it is heard", async () =>
    (await stranger.ask("heard", { connection: old.near })).includes("host speaks first"),
  );
  const tracked = await host.run("conntrack", ["-L", "-p", "tcp"]);
  assert.match(tracked.stdout, new RegExp(`src=${host.ipv4} dst=${stranger.ipv4} sport=${servicePort} dport=5555`));

  await lab.isolate([exclusion({})]);
  const refusedBefore = await refusedPackets(host);
  await host.ask("say", { connection: old.far, text: "after the isolation" });
  await stranger.ask("say", { connection: old.near, text: "after the isolation" });
  await until("both are refused", async () => (await refusedPackets(host)) >= refusedBefore + 2);
  assert.doesNotMatch(await stranger.ask("heard", { connection: old.near }), /after the isolation/);
  assert.doesNotMatch(await host.ask("heard", { connection: old.far }), /after the isolation/);
  await answers(connects, [host, stranger.ipv4], true, "the exclusion itself works");
});

test("without conntrack the detail says what may go on, until it is there", needsNamespaces, async (t) => {
  const lab = await createLab(t);
  const { enforcer } = lab;
  const directory = await mkdtemp(join(tmpdir(), "cordon-programs-"));
  t.after(() => rm(directory, { recursive: true }));
  const nft = (await lab.host.run("which", ["nft"])).stdout.trim();
  await symlink(nft, join(directory, "nft"));
  await enforcer.ask("renew", { programDirectories: [directory] });
  const without = await lab.isolate([exclusion({})]);
  assert.match(without.state === "in-effect" ? without.detail : "", /conntrack could not be run/);
  await enforcer.ask("renew", {});
  const withIt = await lab.isolate([exclusion({})]);
  assert.doesNotMatch(withIt.state === "in-effect" ? withIt.detail : "", /conntrack/);
});
