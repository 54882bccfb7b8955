/** Tries the ways of the bypass matrix under one engine, on disks made for it. Runs inside namespaces of its own. */
import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { appendFileSync, chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { release } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { isPossible, prelude, type Way, ways } from "./prevention-matrix.ts";
import { copyLibraries, loaderOf, makeDisk, mountDisk } from "./prevention-matrix-disk.ts";
import type { Engine } from "./prevention-matrix-engine.ts";

/** Whether the banned thing ran is read off what it does, never off an exit code. `said`: for whoever looks into it. */
export type Outcome = { way: string; ran: boolean; said: string };

const beside = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const longestWayMs = 30_000;
const shell = "/bin/sh";

/** `folder`: an empty one on a file system that no engine guards. */
export async function tryWays(engine: Engine, folder: string, chosen: (way: Way) => boolean): Promise<Outcome[]> {
  const world = await makeWorld(folder);
  const rows = ways
    .filter((way) => chosen(way) && isPossible(way, release()))
    .map((way, index) => ({ way, start: makeRow(world, way, index, engine.name === "none" ? 0 : 5) }));
  const begun = new Map<Way, RunningWay>();
  for (const { way, start } of rows) {
    if (way.startsBeforeTheRule) begun.set(way, await start());
  }
  execFileSync("sync", ["-f", world.disk]);
  await engine.arm(world.banned, [world.disk, world.memory]);
  const outcomes: Outcome[] = [];
  try {
    for (const { way, start } of rows) {
      const running = begun.get(way) ?? (await start());
      outcomes.push({ way: way.name, ...(await running.finish()) });
    }
  } finally {
    await engine.disarm();
  }
  return outcomes;
}

type World = {
  disk: string;
  device: string;
  memory: string;
  scratch: string;
  /** What a row's folder gets a copy of. */
  originals: string;
  laterImage: string;
  banned: string[];
  badPort: number;
  badScriptPort: number;
  bigScriptPort: number;
};

async function makeWorld(folder: string): Promise<World> {
  const [image, laterImage] = [join(folder, "disk.img"), join(folder, "later.img")];
  const [disk, memory, scratch] = [join(folder, "disk"), join(folder, "memory"), join(folder, "scratch")];
  for (const each of [disk, memory, scratch]) mkdirSync(each);
  makeDisk(image, 64);
  const device = mountDisk(image, disk);
  execFileSync("mount", ["-t", "tmpfs", "cordon-test", memory]);
  copyLibraries(shell, disk);
  mkdirSync(join(disk, "effects"));
  chmodSync(join(disk, "effects"), 0o777);

  const originals = join(folder, "originals");
  mkdirSync(originals);
  writeOriginals(originals);
  makeDisk(laterImage, 4);
  mountDisk(laterImage, scratch);
  for (const name of ["bad", "bad.sh"]) copyFileSync(join(originals, name), join(scratch, name));
  execFileSync("umount", [scratch]);

  const contents = ["bad", "bad.sh", "bad.py", "bad.awk", "bad.so"].map((name) => readFileSync(join(originals, name)));
  const bigScript = Buffer.alloc(64 * 1024 * 1024 + 1, "\n");
  bigScript.write(': > "$MARK"\nexit\n');
  return {
    disk,
    device,
    memory,
    scratch,
    originals,
    laterImage,
    banned: [...contents, bigScript].map((content) => createHash("sha256").update(content).digest("hex")),
    badPort: await serve(readFileSync(join(originals, "bad"))),
    badScriptPort: await serve(readFileSync(join(originals, "bad.sh"))),
    bigScriptPort: await serve(bigScript),
  };
}

const fileNames = ["bad", "bad.sh", "bad.py", "bad.awk", "bad.so", "good", "good.sh", "packed.gz"] as const;

function writeOriginals(folder: string): void {
  const at = (name: (typeof fileNames)[number]) => join(folder, name);
  // Copies with something behind the end, which no loader looks at: digests that nothing else on the machine has.
  for (const name of ["bad", "good"] as const) {
    copyFileSync(shell, at(name));
    // The same length: one is written over the other through a mapping.
    appendFileSync(at(name), `${name.padEnd(4)} of cordon's tests`);
  }
  const mathematics = /\/\S*\/libc\.so\S*/.exec(execFileSync("ldd", [shell], { encoding: "utf8" }))?.[0];
  if (mathematics === undefined) throw new Error(`${shell} has no libc`);
  copyFileSync(mathematics.replace("libc.so", "libm.so"), at("bad.so"));
  appendFileSync(at("bad.so"), "bad of cordon's tests");
  writeFileSync(at("bad.sh"), '#!/bin/sh\n: > "$MARK"\n# bad of cordon\'s tests\n');
  writeFileSync(at("good.sh"), '#!/bin/sh\n: > "$MARK"\n# good of cordon\'s tests\n');
  writeFileSync(at("bad.py"), "import os\nopen(os.environ['MARK'], 'w').close()\n# bad of cordon's tests\n");
  writeFileSync(at("bad.awk"), 'BEGIN { printf "" > ENVIRON["MARK"] }\n# bad of cordon\'s tests\n');
  writeFileSync(at("packed.gz"), gzipSync(readFileSync(at("bad"))));
  for (const name of fileNames) chmodSync(at(name), 0o755);
}

/** The bytes come from outside the disks, as from a network. Nobody else hears: the network namespace has only itself. */
async function serve(content: Buffer): Promise<number> {
  const server = createServer((socket) => socket.on("error", () => {}).end(content));
  server.listen(0, "127.0.0.1").unref();
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

type RunningWay = { finish(): Promise<{ ran: boolean; said: string }> };

/** `soonSec`: how long a way that must be denied soon is repeated. */
function makeRow(world: World, way: Way, index: number, soonSec: number): () => Promise<RunningWay> {
  const row = join(world.disk, `row-${index}`);
  const [memory, scratch] = [join(world.memory, `row-${index}`), join(world.scratch, `row-${index}`)];
  for (const each of [row, memory, scratch, join(row, "mount-point")]) mkdirSync(each, { recursive: true });
  // The library is large, and few rows have a use for it.
  const wanted = fileNames.filter((name) => name !== "bad.so" || way.run.includes("$BAD_SO"));
  for (const name of wanted) copyFileSync(join(world.originals, name), join(row, name));
  const later = join(world.scratch, `later-${index}.img`);
  if (way.run.includes("$LATER")) copyFileSync(world.laterImage, later);
  const mark = join(world.disk, "effects", `row-${index}`);
  const env = {
    PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    BAD: join(row, "bad"),
    BAD_SH: join(row, "bad.sh"),
    BAD_PY: join(row, "bad.py"),
    BAD_AWK: join(row, "bad.awk"),
    BAD_SO: join(row, "bad.so"),
    GOOD: join(row, "good"),
    GOOD_SH: join(row, "good.sh"),
    MARK: mark,
    SOON_SEC: String(soonSec),
    MEMORY: memory,
    SCRATCH: scratch,
    DISK: world.disk,
    DEVICE: world.device,
    LATER: later,
    MOUNT_POINT: join(row, "mount-point"),
    BAD_PORT: String(world.badPort),
    BAD_SH_PORT: String(world.badScriptPort),
    BIG_SH_PORT: String(world.bigScriptPort),
    LOADER: loaderOf(shell),
    PYTHON: "/usr/bin/python3",
    STARTS: beside("prevention-matrix-starts.py"),
    FUSE: beside("prevention-matrix-fuse.py"),
  };
  return async () => {
    const child = spawn("bash", ["--norc", "-c", prelude + way.run], {
      cwd: row,
      env,
      stdio: ["pipe", "pipe", "pipe"],
    });
    const said: string[] = [];
    child.stderr.on("data", (text) => said.push(String(text)));
    child.stdin.on("error", () => {});
    const lines = createInterface({ input: child.stdout });
    const closed = once(child, "close");
    const limit = setTimeout(() => child.kill("SIGKILL"), longestWayMs);
    if (way.startsBeforeTheRule) {
      await Promise.race([once(lines, "line"), closed]);
      clearTimeout(limit);
    }
    return {
      async finish() {
        const lastLimit = setTimeout(() => child.kill("SIGKILL"), longestWayMs);
        child.stdin.end("go\n");
        await closed;
        clearTimeout(limit);
        clearTimeout(lastLimit);
        return { ran: existsSync(mark), said: said.join("").slice(0, 2000) };
      },
    };
  };
}
