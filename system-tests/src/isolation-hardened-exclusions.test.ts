/** Exclusions beside the host's own firewall: what that blocks is said, and finding out sends nothing. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { needsNamespaces } from "./namespaces.ts";
import { answers, connects, createLab, exclusion, type Lab } from "./network-isolation-lab.ts";

async function loadFirewall({ host }: Lab, rules: string) {
  const loaded = await host.run("nft", ["-f", "-"], { stdin: `table inet firewall {\n${rules}\n}\n` });
  assert.equal(loaded.exitCode, 0, loaded.stderr);
}

test(
  "an exclusion that the host's own firewall blocks is named, those beside it are not",
  needsNamespaces,
  async (t) => {
    const lab = await createLab(t);
    const { stranger, host, central } = lab;
    const port = (from: number) => ({ remotePorts: { from, to: from } });
    const exclusions = [
      exclusion(port(8080)),
      exclusion(port(8081)),
      exclusion({ protocol: 17, ...port(8082) }),
      exclusion({ protocol: 17, ...port(8083) }),
      exclusion({ direction: "both", protocol: null, remoteAddress: central.ipv4 }),
      // What the remote side opens, and what is neither TCP nor UDP, cannot be tried from here.
      exclusion({ direction: "inbound" }),
      exclusion({ protocol: 1 }),
    ];
    const clear = await lab.isolate(exclusions);
    assert.ok(
      clear.state === "in-effect" && clear.refused === undefined && clear.reason === undefined,
      JSON.stringify(clear),
    );

    await loadFirewall(
      lab,
      `chain output {
      type filter hook output priority 0; policy drop;
      oifname lo accept
      tcp dport { 443, 8080 } accept
      udp dport 8083 accept
    }`,
    );
    const blocked = await lab.isolate(exclusions);
    assert.ok(blocked.state === "in-effect");
    assert.equal(blocked.reason, "EXCLUSION_BLOCKED");
    assert.deepEqual(
      blocked.refused?.map(({ part, reason }) => `${part} ${reason}`),
      ["outbound tcp 192.0.2.30:8081 EXCLUSION_BLOCKED", "outbound udp 192.0.2.30:8082 EXCLUSION_BLOCKED"],
    );
    assert.match(blocked.detail, /another firewall on this host blocks outbound tcp 192\.0\.2\.30:8081, outbound udp/);
    await answers(connects, [host, stranger.ipv4, 8080], true, "and it is so");

    assert.deepEqual(
      await stranger.ask("accepted", { port: 8080 }),
      [0],
      "the probes never came as far as the stranger",
    );
    const tables = (await host.run("nft", ["list", "tables"])).stdout;
    assert.doesNotMatch(tables, /probe/, "and left nothing behind");
  },
);

test(
  "a firewall that rejects, or drops where addresses are translated, is found as well",
  needsNamespaces,
  async (t) => {
    const lab = await createLab(t);
    await loadFirewall(
      lab,
      `chain output { type filter hook output priority 0; policy accept; tcp dport 8080 reject; udp dport 8080 reject; }
     chain post { type filter hook postrouting priority -10; policy accept; tcp dport 8081 drop; }
     chain nat { type nat hook postrouting priority 100; policy accept; masquerade; }`,
    );
    const on = (protocol: number, from: number) => exclusion({ protocol, remotePorts: { from, to: from } });
    const effect = await lab.isolate([on(6, 8080), on(17, 8080), on(6, 8081), on(6, 8082)]);
    assert.ok(effect.state === "in-effect");
    assert.deepEqual(
      effect.refused?.map(({ part }) => part),
      ["outbound tcp 192.0.2.30:8080", "outbound udp 192.0.2.30:8080", "outbound tcp 192.0.2.30:8081"],
    );
  },
);
