/**
 * Runs the benchmarks and prints one table. Every figure is a ratio to a floor, the cheapest way this machine could do the
 * same work, or a peer, measured in the same run. A figure that misses its target ends the program with exit code 1.
 */
import { parseArgs } from "node:util";
import { createFolder } from "../../system-tests/src/programs.ts";
import { asOwner } from "./as-owner.ts";
import type { BenchRow } from "./bench-row.ts";
import { benchmarks } from "./benchmarks.ts";
import { describeMachine } from "./machine.ts";
import { asTable } from "./table.ts";

const help = `Usage: npm run bench -- [--only IDS]… [--hosts COUNT] [--minutes COUNT] [--fleet-folder FOLDER] [--json]

  --only IDS          only these, such as P3,P5; may be given several times
  --hosts N           so many hosts in P2, P3 and P5 to P8, for a smaller machine: fewer than the target names count as missed
  --minutes N         how long P2 holds its agents (10)
  --fleet-folder DIR  keep the fleets that were enrolled here, so that the next run enrols none (else in a temporary folder)
  --json              rows, machine and versions as JSON on standard output, for a program
  --help              this text

${Object.entries(benchmarks)
  .map(([id, { what }]) => `  ${id}  ${what}`)
  .join("\n")}

Needs Linux and root: it makes namespaces and mounts disks of its own. Progress goes to standard error. Exit code 1: a target
was missed, or a benchmark failed; 2: the words were wrong, and nothing was run.`;

class UsageError extends Error {}

try {
  await run();
} catch (error) {
  if (!(error instanceof UsageError) && !isParseError(error)) throw error;
  console.error(`${error.message}\n\n${help}`);
  process.exitCode = 2;
}

async function run(): Promise<void> {
  const { values } = parseArgs({
    options: {
      only: { type: "string", multiple: true },
      hosts: { type: "string" },
      minutes: { type: "string" },
      "fleet-folder": { type: "string" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return console.log(help);
  const ids = values.only?.flatMap((some) => some.split(",")).map((id) => id.trim().toUpperCase());
  const unknown = ids?.find((id) => benchmarks[id] === undefined);
  if (unknown !== undefined) throw new UsageError(`no benchmark is named ${unknown}`);
  const sizes = { ...number("hosts", values.hosts), ...number("minutes", values.minutes) };
  await asOwner(async (owner) => {
    const fleetFolder = values["fleet-folder"] ?? createFolder(owner, "fleets");
    await runBenchmarks(ids ?? Object.keys(benchmarks), { ...sizes, fleetFolder }, values.json);
  });
}

/** Empty where it was not given. */
function number(name: "hosts" | "minutes", text: string | undefined): { [key in typeof name]?: number } {
  if (text === undefined) return {};
  if (!/^[1-9]\d*$/.test(text)) throw new UsageError(`--${name} takes a whole number from 1, and not ${text}`);
  return { [name]: Number(text) };
}

async function runBenchmarks(
  ids: readonly string[],
  sizes: { hosts?: number; minutes?: number; fleetFolder: string },
  json: boolean,
): Promise<void> {
  const machine = describeMachine();
  const rows: BenchRow[] = [];
  const failed: string[] = [];
  for (const id of ids) {
    const benchmark = benchmarks[id];
    if (benchmark === undefined) continue;
    const begun = performance.now();
    console.error(`${id}: ${benchmark.what}`);
    try {
      const found = [await benchmark.run(sizes)].flat();
      const isSmall = sizes.hosts !== undefined && sizes.hosts < (benchmark.targetHosts ?? 0);
      rows.push(...found.map((row) => ({ ...row, met: row.met && !isSmall })));
      // At once: what comes later may fail, or be interrupted.
      if (!json) console.error(asTable(found));
    } catch (error) {
      console.error(`${id} failed:`, error);
      failed.push(id);
    }
    console.error(`${id}: done after ${((performance.now() - begun) / 1000).toFixed(0)} s`);
  }
  console.log(json ? JSON.stringify({ machine, rows, failed }, null, 2) : asTable(rows));
  if (failed.length > 0) console.error(`no figures, because they failed: ${failed.join(", ")}`);
  if (failed.length > 0 || rows.some((row) => !row.met)) process.exitCode = 1;
}

function isParseError(error: unknown): error is Error {
  return error instanceof Error && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS");
}
