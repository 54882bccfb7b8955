import { randomInt } from "node:crypto";
import { exitCodes, failure, type Output, type Verb } from "@cordon/terminal";
import { asOwner } from "../as-owner.ts";
import { type ChaosOptions, runChaos } from "./chaos-run.ts";
import { describe, describeViolations, keepEvidence, summarise } from "./chaos-summary.ts";

const settleWithinMs = 120_000;
/** Each process of agents has one at least. */
const leastHosts = 3;

export function chaosVerb(): Verb<ChaosOptions> {
  return {
    words: "run",
    summary: "kill, pause and cut Central Nodes, agents and PostgreSQL while orders are given",
    description:
      "Starts PostgreSQL, Central Nodes, haproxy and simulated hosts on this machine, gives orders all the while, and in the end holds what happened against what was promised: every accepted order in effect or reported failed, none carried out twice, the audit chain whole. Exit code 1: a rule was broken.",
    examples: [
      ["npm run chaos -- --minutes 2"],
      ["npm run chaos -- --seed 7", "the plan of an earlier run again; the timing differs"],
    ],
    flags: (command) =>
      command
        // The program puts the verb's name in by itself.
        .configureHelp({ ...command.configureHelp(), commandUsage: () => "npm run chaos -- [options]" })
        .option("--minutes <count>", "how long there are faults and orders, such as 0.5 (default: 10)")
        .option("--hosts <count>", "how many hosts (default: 200)")
        .option("--nodes <count>", "how many Central Nodes (default: 3)")
        .option("--orders-per-sec <count>", "how many orders are given each second (default: 5)")
        .option("--seed <number>", "names the plan of faults and orders (default: a new one, which is printed)"),
    parse: (_words, flags) => parse(flags),
    act: run,
  };
}

function parse(flags: Record<string, unknown>): ChaosOptions {
  const number = (name: string, key: string, least: number, otherwise: number): number => {
    const value = Number(flags[key] ?? otherwise);
    if (Number.isSafeInteger(value) && value >= least) return value;
    throw failure("USAGE", `${name} must be a whole number of at least ${least}, not ${flags[key]}`);
  };
  const minutes = Number(flags.minutes ?? 10);
  if (!(minutes >= 0.1 && minutes <= 24 * 60)) {
    throw failure("USAGE", `--minutes must be a number from 0.1 to 1440, not ${flags.minutes}`);
  }
  return {
    durationMs: Math.round(minutes * 60_000),
    hosts: number("--hosts", "hosts", leastHosts, 200),
    nodes: number("--nodes", "nodes", 1, 3),
    ordersPerSec: number("--orders-per-sec", "ordersPerSec", 1, 5),
    seed: number("--seed", "seed", 0, randomInt(2 ** 31)),
    settleWithinMs,
    speed: speedOf(minutes * 60_000),
  };
}

/**
 * Within four minutes an isolation ends nowhere near. Certificates are valid from a day before they are made: the clocks may
 * not be further ahead than that.
 */
function speedOf(durationMs: number): number {
  if (durationMs < 240_000) return 1;
  return Math.max(1, Math.min(20, Math.floor((20 * 3_600_000) / durationMs)));
}

async function run(options: ChaosOptions, output: Output) {
  const { seed } = options;
  const progress = output.progress(`seed ${seed}`);
  // Whoever interrupts wants it gone: the owner ends all that was started, and nothing is judged.
  const interrupted = new Promise<never>((_, reject) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const)
      process.once(signal, () => reject(failure("FAILED", `interrupted; the seed was ${seed}`)));
  });
  try {
    return await asOwner(async (owner) => {
      const chaos = runChaos(owner, options, (line) => progress.update(`seed ${seed}: ${line}`));
      const ran = await Promise.race([chaos, interrupted]);
      progress.end();
      const summary = summarise(ran, options);
      output.answer(summary, () => describe(summary));
      if (ran.violations.length === 0) return exitCodes.done;
      output.terminal.stderr.write(`${describeViolations(ran)}\nall that is known: ${keepEvidence(ran, seed)}\n`);
      return exitCodes.failed;
    });
  } finally {
    progress.end();
  }
}
