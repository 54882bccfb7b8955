/** The demo's chapters on network isolation. */

import { setTimeout as waitMs } from "node:timers/promises";
import { settingStateOf } from "../external-system.ts";
import { waysBetween } from "../isolation-end-to-end-lab.ts";
import { until } from "../namespaces.ts";
import { connects, openConnection, type Peer, refusedPackets, servicePort } from "../network-isolation-lab.ts";
import { expect, type Report } from "./report.ts";
import type { Scene } from "./scene.ts";

type Isolable = NonNullable<Scene["isolable"]>;
type Connection = { from: Peer; near: number; to: Peer; far: number };

export async function showIsolation(report: Report, scene: Scene, isolable: Isolable): Promise<void> {
  const { host, stranger } = isolable;
  report.section("Before: host and stranger reach each other");
  await claimWays(report, isolable, true);
  const open: Connection[] = [];
  await report.claim("a TCP connection from the stranger to the host is open, and carries", async () => {
    open.push({ from: stranger, to: host, ...(await openConnection(stranger, host, host.ipv4)) });
  });

  report.section("curl orders isolation");
  await claimOrder(report, scene, []);
  await claimWays(report, isolable, false);
  await report.claim("the connection that was open carries nothing any more", async () => {
    for (const { from, near, to, far } of open) {
      const before = await refusedPackets(host);
      await from.ask("say", { connection: near, text: "anybody there?" });
      await until("the kernel refuses its packet", async () => (await refusedPackets(host)) > before);
      expect("heard at the host", await to.ask("heard", { connection: far }), "hello");
    }
    return `${await refusedPackets(host)} packets refused so far`;
  });
  await report.claim("the Central Node is not cut: the agent's link is the one from before", async () => {
    const welcomes = scene.agent.log().split("welcomed by the Central Node").length - 1;
    expect("welcomes since the start", welcomes, 1);
    expect("the link", (await scene.agent.status()).link, "connected");
  });
}

export async function showExclusion(report: Report, scene: Scene, { host, stranger }: Isolable): Promise<void> {
  report.section(`A second order replaces the first: the host may open TCP ${stranger.ipv4}:${servicePort}`);
  const remotePortRange = { fromPort: servicePort, toPort: servicePort };
  await claimOrder(report, scene, [
    { direction: "outbound", protocol: 6, remoteIpv4Address: stranger.ipv4, remotePortRange },
  ]);
  await report.claim("TCP from the host to the stranger passes", async () => {
    expect("answered", await connects(10_000, host, stranger.ipv4), true);
  });
  await report.claim("TCP from the stranger to the host does not, nor to the stranger's IPv6 address", async () => {
    expect("answered", await connects(300, stranger, host.ipv4), false);
    expect("answered on IPv6", await connects(300, host, stranger.ipv6), false);
  });
}

/** Another program on the host, with root's rights, empties the whole firewall. */
export async function showTampering(
  report: Report,
  scene: Scene,
  { network, host, stranger }: Isolable,
): Promise<void> {
  report.section("Somebody with root on the host runs: nft flush ruleset");
  await report.claim("the stranger still gets no answer", async () => {
    const { exitCode } = await network.host.run("nft", ["flush", "ruleset"]);
    expect("nft's exit code", exitCode, 0);
    expect("answered", await connects(300, stranger, host.ipv4), false);
  });
  await report.claim("the isolation is in effect, and the tampering is told", async () => {
    const told = await until("it is told", async () => {
      const found = await settingStateOf(scene.soar, scene.agent);
      return found?.state === "in_effect" && found.reason === "TAMPERED" ? found : null;
    });
    return told.detail;
  });
}

export async function showRelease(report: Report, scene: Scene, isolable: Isolable): Promise<void> {
  report.section("curl ends the isolation");
  await report.claim("DELETE answers 200, and the host reports that it is open", async () => {
    const { status, body } = await scene.soar.delete(pathOf(scene));
    expect("the answer", [status, body], [200, {}]);
    await untilState(scene, "lifted");
  });
  await claimWays(report, isolable, true);
}

/** Orders isolation with curl and waits for the host's word. */
async function claimOrder(report: Report, scene: Scene, excludedRules: object[]): Promise<void> {
  await report.claim("POST answers 200, and the host reports that it is in effect", async () => {
    const sentAt = performance.now();
    const { status } = await scene.soar.post(pathOf(scene), {
      settings: { autoTurnoffTimeoutInSec: 7200, excludedRules },
    });
    const answeredMs = Math.round(performance.now() - sentAt);
    expect("the answer", status, 200);
    const { orderedAt, reportedAt, detail } = await untilState(scene, "in_effect");
    // Both times are of this one machine's clock.
    const tookMs = Date.parse(reportedAt) - Date.parse(orderedAt);
    return `200 after ${answeredMs} ms, read back from the kernel ${tookMs} ms after the order was stored\n${detail}`;
  });
}

/** Ping, TCP and UDP on IPv4 and IPv6, from the stranger and from the host. */
export async function claimWays(report: Report, isolable: Isolable, open: boolean): Promise<void> {
  const ways = waysBetween(isolable);
  for (const { ipv4, ipv6, who } of [
    { ...isolable.host, who: "the stranger to the host" },
    { ...isolable.stranger, who: "the host to the stranger" },
  ]) {
    const towards = ways.filter(({ name }) => name.endsWith(` ${ipv4}`) || name.endsWith(` ${ipv6}`));
    const verdict = open ? "pass" : "get no answer";
    await report.claim(`ping, TCP and UDP from ${who} ${verdict}, on IPv4 and IPv6`, async () => {
      const answered = await Promise.all(towards.map((way) => way.isOpen(open ? 10_000 : 300)));
      for (const [index, way] of towards.entries()) expect(`${way.name} is answered`, answered[index], open);
      expect("ways tried", towards.length, 6);
    });
  }
}

export function untilState(scene: Scene, state: "in_effect" | "lifted") {
  return until(
    `the host reports ${state}`,
    async () => {
      const found = await settingStateOf(scene.soar, scene.agent);
      if (found?.state === state && found.reportedGeneration === found.orderedGeneration) return found;
      // Each look is a whole curl: none of them is to slow the order down that is looked for.
      await waitMs(30);
      return null;
    },
    30_000,
  );
}

export function pathOf({ agent }: Scene): string {
  return `settings?sensor_id=${agent.sensorId}&settings_type=network_isolation`;
}
