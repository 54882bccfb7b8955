/**
 * P5: the Response API under load, beside a bare Fastify with the same TLS and the same bytes, and for orders beside raw
 * commits. Server, floor and client are processes of their own; ours and the floor take turns.
 */
import { responseApiBase } from "@cordon/contract";
import { startProgram } from "../../system-tests/src/called-program.ts";
import { createExternalSystem, curlAs } from "../../system-tests/src/external-system.ts";
import { createFolder, type Owner, startCentralNode, thisMachine } from "../../system-tests/src/programs.ts";
import { asOwner } from "./as-owner.ts";
import type { BenchRow } from "./bench-row.ts";
import { median, quantile } from "./distribution.ts";
import { fillWithHosts, sensorIdOf } from "./p5-hosts.ts";
import type { P5Calls } from "./p5-program.ts";

const program = new URL("./p5-program.ts", import.meta.url).href;
const leastShare = 0.7;
const wholeListMs = 1000;
/** How far apart half of the floor's own rounds may be before the run is called too noisy to tell. */
const widestFloor = 0.2;
const order = JSON.stringify({ settings: { autoTurnoffTimeoutInSec: 3600, excludedRules: [] } });

/** `rounds` of `seconds` each for ours and the floor, of each of three calls; then `rounds` whole lists. */
export function p5({ hosts = 15_000, rounds = 7, seconds = 3 } = {}): Promise<BenchRow[]> {
  return asOwner((owner) => measure(owner, { hosts, rounds, seconds }));
}

async function measure(owner: Owner, { hosts, rounds, seconds }: { hosts: number; rounds: number; seconds: number }) {
  const central = await startCentralNode(owner);
  const system = createExternalSystem(owner, { inOneFile: true });
  const soar = curlAs(system, central);
  await soar.get("sensors");
  await central.acceptSystem(system);
  fillWithHosts(central.dataDir, hosts);
  const pem = system.curlFlags[1] ?? "";
  const [client, floor, disk] = [start(owner), start(owner), start(owner)];
  const base = `${central.api}${responseApiBase}/${system.id}`;
  const sensorId = sensorIdOf(Math.floor(hosts / 2));
  const urls = {
    sensor: `${base}/sensors?sensor_id=${sensorId}`,
    settings: `${base}/settings?sensor_id=${sensorId}&settings_type=network_isolation`,
    list: `${base}/sensors`,
  };
  const answers = {
    sensor: (await client.ask("get", { url: urls.sensor, pem, text: true })).text,
    settings: (await client.ask("get", { url: urls.settings, pem, text: true })).text,
    list: (await client.ask("get", { url: urls.list, pem, text: true })).text,
  };
  const floorUrl = await floor.ask("serve", { pem, answers });

  const read = async (name: "sensor" | "settings", figure: string) => {
    const load = (url: string) => client.ask("load", { url, pem, method: "GET" as const, seconds });
    const [ours, floors] = await takeTurns(
      rounds,
      () => load(urls[name]),
      () => load(`${floorUrl}/${name}`),
    );
    return rateRow(`${figure}, requests/s`, "a bare Fastify with the same TLS and the same bytes", {
      ours: ours.map(({ perSec }) => perSec),
      floors: floors.map(({ perSec }) => perSec),
      p99Ms: quantile(
        ours.map(({ p99Ms }) => p99Ms),
        0.5,
      ),
      p99Ratio: median(ours.map(({ p99Ms }) => p99Ms)) / median(floors.map(({ p99Ms }) => p99Ms)),
    });
  };
  const rows = [await read("sensor", "GET sensors of one host"), await read("settings", "GET settings")];

  const directory = createFolder(owner, "commits");
  const [orders, commits] = await takeTurns(
    rounds,
    () => client.ask("load", { url: urls.settings, pem, method: "POST", body: order, seconds }),
    () => disk.ask("commit", { directory, row: order, seconds }),
  );
  rows.push(
    rateRow("POST isolation, orders/s", "raw commits of one row, one after the other; ten orders may share a commit", {
      ours: orders.map(({ perSec }) => perSec),
      floors: commits,
      p99Ms: median(orders.map(({ p99Ms }) => p99Ms)),
    }),
  );

  const get = (url: string) => async () => (await client.ask("get", { url, pem, text: false })).ms;
  const [lists, floorLists] = await takeTurns(rounds, get(urls.list), get(`${floorUrl}/list`));
  const slowest = Math.max(...lists);
  rows.push({
    ...{
      id: "P5",
      figure: `GET sensors of ${hosts} hosts`,
      value: median(lists),
      floor: median(floorLists),
      unit: "ms",
    },
    ratio: median(lists) / median(floorLists),
    spread: `${spreadOf(lists)} (floor ${spreadOf(floorLists)})`,
    target: `< ${wholeListMs} ms, the slowest too`,
    met: slowest < wholeListMs,
    note: `${(answers.list.length / 1e6).toFixed(1)} MB, slowest ${slowest.toFixed(0)} ms. Floor: a bare Fastify that has the bytes at hand.`,
  });
  return rows;
}

function start(owner: Owner) {
  const started = startProgram<P5Calls>(thisMachine, program);
  owner.after(() => started.kill());
  return started;
}

/** The first of each loads code and is not counted. */
async function takeTurns<One, Other>(rounds: number, one: () => Promise<One>, other: () => Promise<Other>) {
  const [ones, others]: [One[], Other[]] = [[], []];
  for (let round = 0; round <= rounds; round++) {
    const [ofOne, ofOther] = [await one(), await other()];
    if (round === 0) continue;
    ones.push(ofOne);
    others.push(ofOther);
  }
  return [ones, others] as const;
}

type Rates = { ours: number[]; floors: number[]; p99Ms: number; p99Ratio?: number };

function rateRow(figure: string, floorIs: string, { ours, floors, p99Ms, p99Ratio }: Rates): BenchRow {
  const [value, floor] = [median(ours), median(floors)];
  const noisy = (quantile(floors, 0.75) - quantile(floors, 0.25)) / floor > widestFloor;
  return {
    ...{ id: "P5", figure, value, floor, unit: "/s", ratio: value / floor },
    ...(p99Ratio === undefined ? {} : { p99Ratio }),
    spread: `${spreadOf(ours)} (floor ${spreadOf(floors)})`,
    target: `≥ ${leastShare} × floor`,
    met: !noisy && value >= leastShare * floor,
    note: `10 connections, p99 ${p99Ms.toFixed(0)} ms. Floor: ${floorIs}.${noisy ? " Too noisy to tell: run it again on a machine that does less" : ""}`,
  };
}

function spreadOf(values: readonly number[]): string {
  return `${quantile(values, 0.1).toFixed(0)} to ${quantile(values, 0.9).toFixed(0)}`;
}
