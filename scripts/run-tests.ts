/**
 * Runs every test, or those under the files and folders named: `npm test -- packages/contract system-tests/src/x.test.ts`.
 * Words that start with `--` go to Node's test runner: `npm test -- packages/contract --test-name-pattern=token`.
 * With CI=true a skipped test is a failure: what CI does not run, nobody has seen working.
 */
import { globSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join, relative } from "node:path";
import { pipeline } from "node:stream/promises";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { fileURLToPath } from "node:url";
import { startPostgres } from "@cordon/central-node/test-postgres";
import { bundleLibraries } from "./bundled-libraries.ts";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const testFiles = ["architecture.test.ts", "{packages/*,system-tests,bench}/src/**/*.test.ts", "scripts/**/*.test.ts"];

/** Begun before all others: it boots an emulated machine, and begun late it would run alone to the end. */
const longest = "system-tests/src/agent-power-failure.test.ts";
/**
 * For one test with all that it holds. The slowest system tests kill and restart real programs many times: about a minute
 * on two idle cores, and several where something else runs beside them.
 */
const testTimeoutMs = 300_000;
/** For all of them: a test file that leaves a handle open never ends, and CI must say which one it was. */
const wholeRunTimeoutMs = 26 * 60_000;
const shownSlowest = 40;
/** From so many on it pays to prepare what each of them starts. */
const manyFiles = 4;

type LeftOut = { file: string; test: string; why: string };

const words = process.argv.slice(2);
const filters = words.filter((word) => !word.startsWith("--"));
const files = testFiles
  .flatMap((pattern) => globSync(pattern, { cwd: root }).sort())
  .filter((file) => filters.length === 0 || filters.some((filter) => isUnder(file, filter)))
  .sort((one, other) => Number(other === longest) - Number(one === longest));

if (files.length === 0) {
  console.error(`no test file is under ${filters.join(", ")}`);
  process.exit(1);
}

// The suite starts the same few programs some hundred times. With what was compiled kept, and the libraries of hundreds of
// files in one, a start costs two fifths.
process.env.NODE_COMPILE_CACHE ??= join(root, ".cordon", "compile-cache");
if (files.length >= manyFiles)
  process.env.NODE_OPTIONS = `${process.env.NODE_OPTIONS ?? ""} ${await bundleLibraries()}`;

const leftOut: LeftOut[] = [];
const tookMs = new Map<string, number>();
// One PostgreSQL for all files; a file that is run by itself starts its own.
const postgres = files.some(needsPostgres) ? await startPostgres() : null;
if (postgres !== null) process.env.CORDON_TEST_POSTGRES = postgres.url;
const tests = run({
  cwd: root,
  files,
  // Many tests wait for what takes its time: with one for each core, a third of the cores' time was nobody's.
  concurrency: availableParallelism() + 1,
  signal: AbortSignal.timeout(wholeRunTimeoutMs),
  execArgv: [`--test-timeout=${testTimeoutMs}`, ...words.filter((word) => word.startsWith("--"))],
});

tests.on("test:pass", noteLeftOut);
// A failing `todo` test does not fail the run, so it is left out as well.
tests.on("test:fail", noteLeftOut);
tests.on("test:summary", ({ file, success, duration_ms }) => {
  // The summary without a file is the one of the whole run.
  if (file !== undefined) tookMs.set(relative(root, file), duration_ms);
  else if (!success) process.exitCode = 1;
});
await pipeline(tests.compose(spec()), process.stdout, { end: false });
await postgres?.stop();
saySlowest();
sayWhatWasLeftOut();

function needsPostgres(file: string): boolean {
  return readFileSync(join(root, file), "utf8").includes("test-databases");
}

function isUnder(file: string, filter: string): boolean {
  const path = relative(root, filter.startsWith("/") ? filter : `${root}/${filter}`);
  return path === "" || file === path || file.startsWith(`${path}/`);
}

function noteLeftOut(event: {
  name: string;
  file?: string | undefined;
  skip?: string | boolean;
  todo?: string | boolean;
}) {
  const mark = event.skip !== undefined ? "skipped" : event.todo !== undefined ? "todo" : null;
  if (mark === null) return;
  const reason = event.skip ?? event.todo;
  leftOut.push({
    file: event.file === undefined ? "?" : relative(root, event.file),
    test: event.name,
    why: typeof reason === "string" && reason !== "" ? reason : `marked ${mark} without a reason`,
  });
}

/** Where the time of a run goes: two cores and half an hour are all that CI has. */
function saySlowest() {
  const slowest = [...tookMs].sort(([, one], [, other]) => other - one).slice(0, shownSlowest);
  if (slowest.length < shownSlowest) return;
  console.log("\nSlowest files:");
  for (const [file, ms] of slowest) console.log(`  ${(ms / 1000).toFixed(1).padStart(6)} s  ${file}`);
}

function sayWhatWasLeftOut() {
  if (leftOut.length === 0) return;
  console.log(`\nLeft out: ${leftOut.length}`);
  for (const { file, test, why } of leftOut) console.log(`  ${file}: ${test} (${why})`);
  if (process.env.CI !== "true") return;
  console.log("CI leaves nothing out, so this is a failure.");
  process.exitCode = 1;
}
