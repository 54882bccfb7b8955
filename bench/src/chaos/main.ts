import { writeFileSync } from "node:fs";
import { asOwner } from "../prepared-fleet.ts";
import { runChaos } from "./chaos-run.ts";
const seed = Number(process.argv[2] ?? 1);
const seconds = Number(process.argv[3] ?? 20);
const run = await asOwner((owner) => runChaos(owner, { seed, durationMs: seconds * 1000, hosts: Number(process.argv[4] ?? 20), nodes: 3, ordersPerSec: 4, settleWithinMs: 90_000 }, { onProgress: (line) => console.error(line), signal: new AbortController().signal }));
writeFileSync(`/tmp/chaos-${seed}.json`, JSON.stringify(run));
console.log(run.violations.slice(0, 40), run.violations.length, run.unavailableMs, run.settledMs);
process.exit();
