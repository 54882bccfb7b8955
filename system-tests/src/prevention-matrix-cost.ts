/** What an engine costs whoever starts or opens a harmless file on a disk that it guards. Runs inside namespaces of its own. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { copyFileSync, mkdirSync, realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { copyLibraries, loaderOf, makeDisk, mountDisk } from "./prevention-matrix-disk.ts";
import type { Engine } from "./prevention-matrix-engine.ts";

export type Cost = {
  /** Nanoseconds of each of `count` starts of a small program, one after the other, from the call to its end. */
  timeStarts(count: number): Promise<number[]>;
  /** The same for opening and closing a file. */
  timeOpens(count: number): Promise<number[]>;
};

const timer = fileURLToPath(new URL("./prevention-matrix-timer.py", import.meta.url));
const program = "/bin/true";

/** `banned`: how many digests the engine holds; none of them is of a file on the disk. */
export async function prepareCost(engine: Engine, folder: string, banned: number): Promise<Cost> {
  const disk = join(folder, "disk");
  makeDisk(join(folder, "disk.img"), 32);
  mountDisk(join(folder, "disk.img"), disk);
  // Its loader and libraries too: a start is an execution of the program and one of the loader, and opens libraries.
  copyLibraries(program, disk);
  // As on a host that is guarded whole: the engine's own programs and those that it guards have one and the same loader.
  const loader = loaderOf(program);
  execFileSync("mount", ["--bind", join(disk, loader), realpathSync(loader)]);
  mkdirSync(join(disk, "bin"));
  copyFileSync(program, join(disk, program));
  writeFileSync(join(disk, "file"), "nothing\n");
  await engine.arm(
    Array.from({ length: banned }, () => randomBytes(32).toString("hex")),
    [disk],
  );
  // Before whatever else the machine does, under every engine alike: that would be measured as well.
  const words = ["-n", "-20", "/usr/bin/python3", timer, disk, program, "/file"];
  const ask = startTimer(spawn("nice", words, { stdio: ["pipe", "pipe", "inherit"] }));
  return {
    timeStarts: (count) => ask(`starts ${count}`),
    timeOpens: (count) => ask(`opens ${count}`),
  };
}

/** One question at a time. */
function startTimer({ stdin, stdout }: ChildProcess): (question: string) => Promise<number[]> {
  if (stdin === null || stdout === null) throw new Error("the timer has no pipes");
  const lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
  return async (question) => {
    stdin.write(`${question}\n`);
    const { value, done } = await lines.next();
    if (done) throw new Error("the timer ended");
    return JSON.parse(value);
  };
}
