/** P1: from the order leaving the client to the first packet that the host's kernel refuses. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compileRuleset, tableText } from "../../packages/response-actions/src/network-isolation/nftables-ruleset.ts";
import { startProgram } from "../../system-tests/src/called-program.ts";
import { createExternalSystem, curlAs, settingStateOf } from "../../system-tests/src/external-system.ts";
import { createNetwork, until } from "../../system-tests/src/namespaces.ts";
import { enrolHost, type Owner, startCentralNode } from "../../system-tests/src/programs.ts";
import { asOwner } from "./as-owner.ts";
import type { BenchRow } from "./bench-row.ts";
import { median, quantile } from "./distribution.ts";
import { controlOf } from "./noise.ts";
import type { P1Calls } from "./p1-program.ts";

const program = new URL("./p1-program.ts", import.meta.url).href;
const port = 9999;
const [p50Target, p99Target] = [2, 5];

/** Takes about a quarter of a second for each of `rounds` isolations, and for one of the floor beside it. */
export function p1({ rounds = 200 }: { rounds?: number } = {}): Promise<BenchRow> {
  return asOwner((owner) => measure(owner, rounds));
}

async function measure(owner: Owner, rounds: number): Promise<BenchRow> {
  const network = await createNetwork();
  owner.after(() => network.close());
  const { host, stranger, central: centralPlace } = network;
  const central = await startCentralNode(owner, { place: centralPlace });
  const agent = await enrolHost(owner, central, { place: host });
  const system = createExternalSystem(owner, { inOneFile: true });
  const soar = curlAs(system, central, { place: centralPlace });
  await soar.get("sensors");
  await central.acceptSystem(system);
  const path = `/kata/response_api/v1/${system.id}/settings?sensor_id=${agent.sensorId}&settings_type=network_isolation`;
  const client = startProgram<P1Calls>(centralPlace, program);
  const probe = startProgram<P1Calls>(host, program);
  await client.ask("connect", { url: central.api, pem: system.curlFlags[1] ?? "" });
  // The floor has a host of its own, with the same rules and the same probe.
  const other = startProgram<P1Calls>(stranger, program);
  const directory = mkdtempSync(join(tmpdir(), "cordon-p1-"));
  owner.after(() => rmSync(directory, { recursive: true, force: true }));
  const ruleset = compileRuleset({
    wish: { autoTurnoffTimeoutInSec: 3600, exclusions: [] },
    centralNode: [{ address: centralPlace.ipv4, port: 443 }],
  });
  const parts = { timeout: "3600s", confirmed: false };
  const tables = [true, false].map((owned) => tableText(ruleset, { ...parts, owned })).join("");
  await other.ask("prepareFloor", { directory, ruleset: tables });

  const order = { settings: { autoTurnoffTimeoutInSec: 3600, excludedRules: [] } };
  const [took, floors]: [number[], number[]] = [[], []];
  // The first of each loads code and is not counted.
  for (let round = 0; round <= rounds; round += 1) {
    await probe.ask("untilRefused", { address: stranger.ipv4, port, refused: false });
    const refused = probe.ask("untilRefused", { address: stranger.ipv4, port, refused: true });
    const leftMs = await client.ask("send", { method: "POST", path, body: order });
    const tookMs = (await refused) - leftMs;
    await until("it is reported", async () => (await settingStateOf(soar, agent))?.state === "in_effect");
    await client.ask("send", { method: "DELETE", path });
    await until("it is lifted", async () => (await settingStateOf(soar, agent))?.state === "lifted");
    const floorMs = await other.ask("floorRound", { address: host.ipv4, port });
    if (round > 0) {
      took.push(tookMs);
      floors.push(floorMs);
    }
  }
  return toRow(took, floors);
}

function toRow(took: number[], floors: number[]): BenchRow {
  const [value, floor] = [median(took), median(floors)];
  const [slowest, slowestFloor] = [quantile(took, 0.99), quantile(floors, 0.99)];
  const [ratio, p99Ratio] = [value / floor, slowest / slowestFloor];
  const control = controlOf(floors);
  const spread = (values: number[]) => `${quantile(values, 0.1).toFixed(1)} to ${quantile(values, 0.9).toFixed(1)}`;
  return {
    id: "P1",
    figure: "order to first refused packet, median",
    value,
    floor,
    unit: "ms",
    ratio,
    p99Ratio,
    spread: `${spread(took)} (floor ${spread(floors)}, against itself ${control.ratio.toFixed(2)})`,
    target: `p50 ≤ ${p50Target} × floor, p99 ≤ ${p99Target} × floor`,
    met: !control.isNoisy && ratio <= p50Target && p99Ratio <= p99Target,
    note: `${took.length} isolations of a connected agent; p99 ${slowest.toFixed(1)} ms, floor ${slowestFloor.toFixed(1)} ms. Floor: the same transaction through a living nft, and one durable commit.${control.note}`,
  };
}
