/**
 * `npm run demo`: the real programs, from curl to the kernel and back. Exit code 0 only if every claim held.
 * `npm run demo -- --keep` leaves all running until it is stopped.
 */
import { parseArgs } from "node:util";
import { needsNamespaces } from "../namespaces.ts";
import { needsGuardedHost } from "../prevention-lab.ts";
import type { Owner } from "../programs.ts";
import { showExclusion, showIsolation, showRelease, showTampering } from "./isolation.ts";
import { describeKept, openConsole } from "./keep.ts";
import { showPrevention } from "./prevention.ts";
import { createReport } from "./report.ts";
import { setScene } from "./scene.ts";
import { showCrash, showTask } from "./tasks-and-crash.ts";

const { values } = parseArgs({ options: { keep: { type: "boolean", default: false } } });
const startedAt = performance.now();
const cleanUps: (() => Promise<void> | void)[] = [];
const owner: Owner = { after: (cleanUp) => void cleanUps.push(cleanUp) };
let allHeld = false;
let stopped = false;
const stopAsked = new Promise<void>((resolve) => {
  const stop = () => {
    stopped = true;
    resolve();
  };
  // For good, not once: a network's own handler sends the signal again, and this process has to clean up first.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, stop);
  // Nobody reads any more, as when it is piped into head.
  process.stdout.on("error", stop);
});
/** What fails once everything is being taken away says nothing about Cordon. */
const write = (line: string) => void (stopped || process.stdout.write(`${line}\n`));
const report = createReport(write);

const whyAlone = needsNamespaces.skip;
const leftOut = [
  ...(whyAlone === undefined ? [] : [`Left out: network isolation, because it ${whyAlone}.`]),
  ...(needsGuardedHost.skip === undefined ? [] : [`Left out: prevention, because it ${needsGuardedHost.skip}.`]),
];
// 128 and the number of SIGINT, as shells count; a stopped demo has not shown all of it.
const exitCode = await Promise.race([tell(), stopAsked.then(() => (allHeld ? 0 : 130))]);
await cleanUp();
process.exit(exitCode);

/** Resolves with the exit code. */
async function tell(): Promise<number> {
  report.title("Cordon: one order's way, from curl to the kernel and back");
  for (const left of leftOut) report.line(left);
  if (whyAlone !== undefined) report.line("All else runs here, on loopback.");
  try {
    const scene = await setScene(report, owner, whyAlone);
    if (scene.isolable !== null) {
      await showIsolation(report, scene, scene.isolable);
      await showExclusion(report, scene, scene.isolable);
      await showTampering(report, scene, scene.isolable);
      await showRelease(report, scene, scene.isolable);
    }
    if (needsGuardedHost.skip === undefined) await showPrevention(report, owner, scene);
    await showTask(report, scene);
    await showCrash(report, owner, scene);
    const tookSec = ((performance.now() - startedAt) / 1000).toFixed(1);
    report.line();
    report.line(`All ${report.claims()} claims held, in ${tookSec} s.`);
    for (const left of leftOut) report.line(left);
    allHeld = true;
    if (values.keep) {
      write(describeKept(scene, await openConsole(owner, scene)));
      await stopAsked;
    }
    return 0;
  } catch (error) {
    report.line();
    // What a claim saw was said where it failed.
    report.line(report.failed() ? "A claim did not hold." : `The demo itself failed: ${(error as Error).stack}`);
    return 1;
  }
}

async function cleanUp(): Promise<void> {
  // As they were registered: each program is ended before its folder goes.
  for (const run of cleanUps) await run();
}
