/** What must go on while a host is isolated: its lease, its groups, and every way to a Central Node. */
import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { curlAs, settingStateOf } from "./external-system.ts";
import { createWholeSystem, waysAre } from "./isolation-end-to-end-lab.ts";
import { type Network, needsNamespaces, until } from "./namespaces.ts";
import { answers, connects, createLab, pings } from "./network-isolation-lab.ts";
import { createFolder } from "./programs.ts";

test("a DHCP lease is renewed while the host is isolated, and stays past its own end", needsNamespaces, async (t) => {
  const lab = await createLab(t);
  const { host, stranger, central } = lab;
  const folder = createFolder(t, "dhcp");
  const leased = "192.0.2.21";
  writeFileSync(
    join(folder, "udhcpd.conf"),
    [
      `start ${leased}`,
      `end ${leased}`,
      "interface eth0",
      "min_lease 16",
      "option lease 16",
      `lease_file ${folder}/leases`,
      `pidfile ${folder}/pid`,
      "",
    ].join("\n"),
  );
  writeFileSync(join(folder, "leases"), "");
  // As every DHCP client's script does, as far as an address goes.
  const configure = join(folder, "configure");
  const lines = [
    "#!/bin/sh",
    'case "$1" in',
    '  bound|renew) ip addr replace "$ip/24" dev "$interface" valid_lft "$lease" preferred_lft "$lease"; echo "$1 $ip" ;;',
    '  deconfig) echo "deconfig" ;;',
    "esac",
    "",
  ];
  writeFileSync(configure, lines.join("\n"), { mode: 0o700 });
  stranger.spawn("busybox", ["udhcpd", "-f", join(folder, "udhcpd.conf")], { stdio: "ignore" });
  const client = host.spawn("busybox", ["udhcpc", "-f", "-i", "eth0", "-s", configure], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  let said = "";
  client.stdout?.on("data", (data) => {
    said += data;
  });
  const count = (what: string) => said.split(`${what} ${leased}`).length - 1;
  await until("the lease is there", () => count("bound") === 1);
  await lab.isolate();
  const before = count("renew");
  await until("it is renewed twice, its first end past", () => count("renew") >= before + 2, 60_000);
  assert.equal(count("bound"), 1, "it was never lost");
  assert.match((await host.run("ip", ["-4", "addr", "show", "dev", "eth0"])).stdout, new RegExp(`inet ${leased}/24`));
  await answers(pings, [stranger, leased], false, "isolated meanwhile");
  await answers(connects, [host, central.ipv4, 443], true);
});

test("multicast listener reports go out, and the switch's question is heard", needsNamespaces, async (t) => {
  const lab = await createLab(t);
  const { host, stranger } = lab;
  await lab.isolate();
  const reports = "ip6[6] = 0 and ip6[40] = 58 and ip6[48] = 143";
  const filter = `ether src ${host.mac} and ${reports}`;
  const capture = stranger.spawn("tcpdump", ["-i", "eth0", "-n", "-l", "--immediate-mode", "-p", filter], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [printed, status] = ["", ""];
  capture.stdout?.on("data", (data) => {
    printed += data;
  });
  capture.stderr?.on("data", (data) => {
    status += data;
  });
  await until("tcpdump listens", () => status.includes("listening on"));
  // Another address is another group.
  await host.run("ip", ["addr", "add", "2001:db8:1::21/64", "dev", "eth0", "nodad"]);
  await until("the report is seen", () => printed.includes("multicast listener report v2"));

  // A general query of RFC 3810, as a switch sends it: from a link-local address, hop limit 1, router alert.
  const heardBefore = printed.split("\n").length;
  const sent = await stranger.run("perl", ["-e", listenerQuery]);
  assert.equal(sent.exitCode, 0, sent.stderr);
  await until("it is answered", () => printed.split("\n").length > heardBefore);
});

/** Perl is on every Debian; Node opens no raw socket. */
const listenerQuery = `
  use Socket;
  my $index = 0 + do { open my $f, "<", "/sys/class/net/eth0/ifindex" or die; <$f> };
  socket(my $s, 10, SOCK_RAW, 58) or die "socket: $!";
  setsockopt($s, 41, 18, pack("i", 1)) or die "hops: $!";
  setsockopt($s, 41, 17, pack("i", $index)) or die "device: $!";
  setsockopt($s, 41, 54, pack("C*", 58, 0, 5, 2, 0, 0, 1, 0)) or die "router alert: $!";
  my $query = pack("CCnnn", 130, 0, 0, 100, 0) . ("\\0" x 16) . pack("CCn", 2, 125, 0);
  my $to = pack("SnN", 10, 0, 0) . Socket::inet_pton(10, "ff02::1") . pack("L", $index);
  send($s, $query, 0, $to) or die "send: $!";
`;

test(
  "with several Central Nodes the isolated host comes back by another when one is gone, IPv6 and another port included",
  needsNamespaces,
  async (t) => {
    const whole = await createWholeSystem(t, {
      host: { servers: ["https://192.0.2.10:443", "https://[2001:db8:1::10]:4443"] },
      async prepare({ central }) {
        // The same node on a second port.
        const redirect = "tcp dport 4443 redirect to :443";
        const table = `table ip6 other { chain p { type nat hook prerouting priority -100; ${redirect}; }; }`;
        const loaded = await central.run("nft", [table]);
        assert.equal(loaded.exitCode, 0, loaded.stderr);
      },
    });
    const { agent, network, host } = whole;
    await whole.order();
    const state = await whole.untilReported("in_effect");
    assert.match(state.detail, /Central Node 192\.0\.2\.10:443, \[2001:db8:1::10\]:4443, /);
    await answers(connects, [host, network.central.ipv6, 443], false, "the other's port");
    await network.central.run("ip", ["addr", "del", `${network.central.ipv4}/24`, "dev", "eth0"]);
    // Its connection hangs until the heartbeat finds out; what is looked at here is what comes after that.
    await agent.restart();
    await agent.untilConnected();
    await waysAre(false, whole);
    const other = curlAs(whole.system, { api: `https://[${network.central.ipv6}]:443` }, { place: network.central });
    assert.equal((await other.delete(whole.path)).status, 200);
    await until("it is lifted by the other way", async () => (await settingStateOf(other, agent))?.state === "lifted");
    await waysAre(true, whole);
  },
);

test(
  "a Central Node that is known by name stays reachable when names are no longer answered, also after a restart",
  needsNamespaces,
  async (t) => {
    const name = "central.cordon.test";
    let names: ReturnType<typeof createNameServer> | undefined;
    const whole = await createWholeSystem(t, {
      host: { servers: [`https://${name}:443`] },
      async prepare(network) {
        names = createNameServer(t, network, name);
        await names.answer(network.central.ipv4);
      },
    });
    const { agent, stranger, host, network } = whole;
    await whole.order();
    assert.match((await whole.untilReported("in_effect")).detail, /Central Node 192\.0\.2\.10:443, /);
    await waysAre(false, whole);
    const asked = await host.run("getent", ["hosts", name], { withinMs: 1000 });
    assert.notEqual(asked.exitCode, 0, "DNS is closed");
    await agent.restart();
    await agent.untilConnected();
    await whole.soar.delete(whole.path);
    await whole.untilReported("lifted");

    // Moved while the host was open: the next isolation opens where it is now.
    await network.central.run("ip", ["addr", "add", "192.0.2.11/24", "dev", "eth0"]);
    await names?.answer("192.0.2.11");
    await whole.order();
    const moved = await whole.untilReported("in_effect");
    assert.match(moved.detail, /Central Node 192\.0\.2\.10:443, 192\.0\.2\.11:443, /, "and the way that it stands on");
    await answers(pings, [stranger, host.ipv4], false);
  },
);

/** A real name server on the stranger, and the host's resolver pointed at it. */
function createNameServer(t: TestContext, { host, stranger }: Network, name: string) {
  // `ip netns exec` lays what stands here over /etc.
  const folder = `/etc/netns/${host.namespace}`;
  mkdirSync(folder, { recursive: true });
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, "resolv.conf"), `nameserver ${stranger.ipv4}\noptions timeout:1 attempts:1\n`);
  let server: ChildProcess | null = null;
  return {
    async answer(address: string) {
      if (server !== null) {
        const gone = once(server, "exit");
        server.kill("SIGKILL");
        await gone;
      }
      const own = ["--keep-in-foreground", "--no-resolv", "--no-hosts", "--conf-file=/dev/null", "--pid-file"];
      server = stranger.spawn("dnsmasq", [...own, `--address=/${name}/${address}`], { stdio: "ignore" });
      await until("the name is answered", async () =>
        (await host.run("getent", ["ahostsv4", name])).stdout.startsWith(`${address} `),
      );
    },
  };
}
