/**
 * Runs the benchmarks and prints one table. Every figure is a ratio to a floor, the cheapest way this machine could do the
 * same work, or a peer, measured in the same run. A figure that misses its target ends the program with exit code 1.
 */
import { parseArgs } from "node:util";
import type { BenchRow } from "./bench-row.ts";
import { p1 } from "./p1-isolation.ts";
import { p2 } from "./p2-agents-held.ts";
import { p3 } from "./p3-rule-for-all.ts";
import { p4 } from "./p4-exec-cost.ts";
import { p5 } from "./p5-response-api.ts";
import { p6 } from "./p6-reconnect-storm.ts";
import { p9 } from "./p9-memory.ts";
import { asTable } from "./table.ts";

/** One line each; a benchmark gives the rows of one figure of the table. */
const benchmarks: Record<string, (sizes: { hosts?: number }) => Promise<BenchRow | BenchRow[]>> = {
  P1: () => p1(),
  P2: p2,
  P3: p3,
  P4: () => p4(),
  P5: p5,
  P6: p6,
  P9: () => p9(),
};

/** What the targets are meant for, where a benchmark does not say it itself: with fewer hosts a row tells something, and cannot be met. */
const hostsOfTargets: Record<string, number> = { P3: 10_000, P5: 15_000, P6: 10_000 };

const help = `Usage: npm run bench -- [--only ID]… [--hosts COUNT] [--json]

  --only ID   only this benchmark (${Object.keys(benchmarks).join(", ")}); may be given several times
  --hosts N   so many hosts in P2, P3, P5 and P6, for a smaller machine: fewer than the target names count as missed
  --json      the rows as JSON on standard output, for a program
  --help      this text

Needs Linux and root: it makes namespaces and mounts disks of its own. Exit code 1: a target was missed.`;

const { values } = parseArgs({
  options: {
    only: { type: "string", multiple: true },
    hosts: { type: "string" },
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

if (values.help) {
  console.log(help);
} else {
  await runBenchmarks(values.only ?? Object.keys(benchmarks));
}

async function runBenchmarks(ids: readonly string[]): Promise<void> {
  const unknown = ids.find((id) => benchmarks[id] === undefined);
  if (unknown !== undefined) {
    console.error(`no benchmark is named ${unknown}\n\n${help}`);
    process.exitCode = 2;
    return;
  }
  const hosts = values.hosts === undefined ? undefined : Number(values.hosts);
  if (hosts !== undefined && !(Number.isInteger(hosts) && hosts >= 1)) {
    console.error(`--hosts takes a whole number from 1, and not ${values.hosts}\n\n${help}`);
    process.exitCode = 2;
    return;
  }
  const rows: BenchRow[] = [];
  for (const id of ids) {
    console.error(`${id} …`);
    const found = [(await benchmarks[id]?.(hosts === undefined ? {} : { hosts })) ?? []].flat();
    const isSmall = hosts !== undefined && hosts < (hostsOfTargets[id] ?? 0);
    rows.push(...found.map((row) => ({ ...row, met: row.met && !isSmall })));
  }
  console.log(values.json ? JSON.stringify(rows, null, 2) : asTable(rows));
  if (rows.some((row) => !row.met)) process.exitCode = 1;
}
