/** Frames that root puts on a device past the IP stack: they pass, unless the agent was told to stop them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type NetworkNode, needsNamespaces, until } from "./namespaces.ts";
import {
  answers,
  asks,
  carries,
  centralPort,
  connects,
  createLab,
  exclusion,
  type Lab,
  openConnection,
} from "./network-isolation-lab.ts";

/** Perl is on every Debian; Node opens no packet socket. Arguments: device, destination's card, protocol, payload in hex. */
const sendFrame = `
  use Socket;
  my ($device, $to, $protocol, $payload) = @ARGV;
  my $index = 0 + do { open my $f, "<", "/sys/class/net/$device/ifindex" or die; <$f> };
  my $mac = do { open my $f, "<", "/sys/class/net/$device/address" or die; <$f> };
  my $hex = sub { my $text = shift; $text =~ s/[:\\n]//g; pack("H*", $text) };
  socket(my $s, 17, SOCK_RAW, 0) or die "socket: $!";
  my $frame = $hex->($to) . $hex->($mac) . pack("n", hex $protocol) . pack("H*", $payload) . "\\0" x 40;
  my $address = pack("SnlSCCa8", 17, hex($protocol), $index, 1, 0, 6, $hex->($to));
  send($s, $frame, 0, $address) or die "send: $!";
`;

/** A UDP datagram to port 9, as bytes in hex. The header's checksum is right, or a switch that looks into it drops it. */
function datagram(from: string, to: string): string {
  const header = Buffer.from("4500001c0000400040110000", "hex");
  const addresses = Buffer.from([from, to].flatMap((address) => address.split(".").map(Number)));
  const packet = Buffer.concat([header, addresses, Buffer.from("1f90000900080000", "hex")]);
  let sum = 0;
  for (let at = 0; at < 20; at += 2) sum += packet.readUInt16BE(at);
  packet.writeUInt16BE(~((sum & 0xffff) + (sum >> 16)) & 0xffff, 10);
  return packet.toString("hex");
}

async function captureFrames(stranger: NetworkNode, host: NetworkNode) {
  const kinds = "ether proto 0x88b5 or (udp dst port 9)";
  const capture = stranger.spawn(
    "tcpdump",
    ["-i", "eth0", "-n", "-l", "--immediate-mode", `ether src ${host.mac} and (${kinds})`],
    {
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  let [printed, status] = ["", ""];
  capture.stdout?.on("data", (data) => {
    printed += data;
  });
  capture.stderr?.on("data", (data) => {
    status += data;
  });
  await until("tcpdump listens", () => status.includes("listening on"));
  return () => printed.split("\n").filter((line) => / (IP|ethertype) /.test(line)).length;
}

async function sendBoth({ host, stranger }: Lab, device = "eth0") {
  const send = (protocol: string, payload: string) =>
    host.run("perl", ["-e", sendFrame, device, stranger.mac, protocol, payload]);
  return [await send("88b5", "636f72646f6e"), await send("0800", datagram(host.ipv4, stranger.ipv4))];
}

test("by default raw frames of root pass an isolation: the gap is there, and known", needsNamespaces, async (t) => {
  const lab = await createLab(t);
  await lab.isolate();
  const seen = await captureFrames(lab.stranger, lab.host);
  for (const sent of await sendBoth(lab)) assert.equal(sent.exitCode, 0, sent.stderr);
  await until("both are seen", () => seen() === 2);
});

test(
  "told to, an isolation stops raw frames on every device, and goes on to let through what it must",
  needsNamespaces,
  async (t) => {
    const lab = await createLab(t);
    const { host, stranger, central, enforcer } = lab;
    await enforcer.ask("renew", { blockRawFrames: true });
    const link = await openConnection(host, central, central.ipv4, centralPort);
    await lab.isolate([exclusion({ remotePorts: { from: 8080, to: 8080 } })]);
    const seen = await captureFrames(stranger, host);
    for (const sent of await sendBoth(lab)) assert.match(sent.stderr, /No buffer space|not permitted/);

    await carries({ from: host, near: link.near, to: central, far: link.far }, "the link lives");
    for (const node of [host, central]) await node.run("ip", ["neigh", "flush", "all"]);
    await openConnection(host, central, central.ipv6, centralPort);
    await openConnection(host, central, central.ipv4, centralPort);
    await answers(connects, [host, stranger.ipv4, 8080], true, "the exclusion");
    await answers(asks, [host, stranger.ipv4], false);

    // A device that appears later is found at the next look.
    await host.run("ip", ["link", "add", "link", "eth0", "name", "late1", "type", "macvlan", "mode", "bridge"]);
    await host.run("ip", ["link", "set", "late1", "up"]);
    const found = await enforcer.ask("readBack", null);
    assert.match(found.state === "failed" ? found.detail : "", /network devices came or went/);
    await lab.isolate([exclusion({ remotePorts: { from: 8080, to: 8080 } })]);
    for (const sent of await sendBoth(lab, "late1")) assert.notEqual(sent.exitCode, 0);
    assert.equal(seen(), 0);

    await lab.lift();
    for (const sent of await sendBoth(lab)) assert.equal(sent.exitCode, 0, sent.stderr);
    await until("both are seen once it is lifted", () => seen() === 2);
  },
);

test(
  "the kernel ends the blocking of raw frames with the isolation, with no process of ours alive",
  needsNamespaces,
  async (t) => {
    const lab = await createLab(t);
    await lab.enforcer.ask("renew", { blockRawFrames: true });
    await lab.isolate([], 2);
    await lab.enforcer.kill();
    const seen = await captureFrames(lab.stranger, lab.host);
    await until("frames pass again", async () => {
      await sendBoth(lab);
      return seen() >= 2;
    });
  },
);
