/**
 * The peer, fapolicyd, run by hand from a folder that holds its packages, inside a mount namespace of the test's own.
 * Never as a service and never over the machine: it watches file systems by type, so it is started only where every
 * mount of a watched type is the test's, it is ended at once when it marked anything else, and a process of its own
 * (`timeout`) kills it after a bound.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { until } from "./namespaces.ts";
import type { Engine } from "./prevention-matrix-engine.ts";

/** Filled by scripts/set-up-fapolicyd.mjs. */
const packages = fileURLToPath(new URL("../../.cordon/fapolicyd", import.meta.url));
const program = join(packages, "usr/sbin/fapolicyd");

/** What a test passes to be skipped by name where the peer, as the matrix describes it, is not to be had. */
export const needsFapolicyd: { skip?: string } = skipReason();

/** No process of a test runs this long: a frozen machine is worse than a test that failed. */
const longestRunSec = 300;

/**
 * `strict`: what its documentation allows at most. Opening is denied like running, and whole file systems are marked;
 * its own default marks mounts, and its rules for execution leave reading alone.
 * `folder`: an empty one on a file system that it does not watch.
 */
export function createFapolicydEngine(folder: string, { strict }: { strict: boolean }): Engine {
  let child: ChildProcess | null = null;
  let pid = 0;
  const end = async () => {
    if (child === null) return;
    const ended = child.exitCode === null && child.signalCode === null ? once(child, "exit") : null;
    // SIGKILL: closing its fanotify group lets everything pass that still waits, and it must not linger.
    if (pid !== 0) process.kill(pid, "SIGKILL");
    await ended;
    child = null;
  };
  return {
    name: strict ? "fapolicyd-strict" : "fapolicyd",
    async arm(sha256, mountPoints) {
      const types = [...new Set(mountPoints.map((point) => mountAt(point).type))];
      refuseForeignMounts(types, mountPoints);
      writeSettings(folder, sha256, types, strict);
      const errors: string[] = [];
      child = spawn("timeout", ["-s", "KILL", String(longestRunSec), program, "--debug-deny"], {
        env: {
          PATH: process.env.PATH,
          LD_LIBRARY_PATH: ["usr/lib", "lib"].flatMap((each) => libraryFolders(join(packages, each))).join(":"),
          MAGIC: join(packages, "usr/lib/file/magic.mgc"),
        },
        stdio: ["ignore", "ignore", "pipe"],
      });
      child.stderr?.on("data", (text: Buffer) => {
        // The reason for a start that failed; the denials that follow are of no interest.
        if (errors.length < 50) errors.push(text.toString());
      });
      const timeoutPid = child.pid;
      try {
        await until("fapolicyd marks the test's mounts", () => {
          if (child?.exitCode !== null) throw new Error(`fapolicyd ended: ${errors.join("")}`);
          pid = Number(readFileSync(`/proc/${timeoutPid}/task/${timeoutPid}/children`, "utf8").trim());
          if (pid === 0) return false;
          const marks = marksOf(pid);
          const ours = marksWanted(mountPoints);
          const foreign = marks.filter((mark) => !ours.some((own) => own.mount === mark || own.device === mark));
          if (foreign.length > 0) throw new Error(`fapolicyd marked what is not the test's: ${foreign.join(", ")}`);
          return ours.every((own) => marks.includes(own.mount) || marks.includes(own.device));
        });
      } catch (error) {
        await end();
        throw error;
      }
    },
    disarm: end,
  };
}

function skipReason(): { skip?: string } {
  if (!existsSync(program)) return { skip: "needs Debian's fapolicyd unpacked in .cordon/: node scripts/set-up.mjs" };
  const version = readFileSync(join(packages, "version"), "utf8").trim();
  return version.startsWith("1.1.7-") ? {} : { skip: `needs fapolicyd 1.1.7, and this is ${version}` };
}

type Mount = { id: number; device: string; point: string; type: string };

function mounts(): Mount[] {
  return readFileSync("/proc/self/mountinfo", "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => {
      const [id = "", , device = "", , point = ""] = line.split(" ");
      return { id: Number(id), device, point, type: /\s-\s(\S+)/.exec(line)?.[1] ?? "" };
    });
}

function mountAt(point: string): Mount {
  const found = mounts().findLast((mount) => mount.point === point);
  if (found === undefined) throw new Error(`nothing is mounted at ${point}`);
  return found;
}

/** The same file systems may be mounted elsewhere as well: those mounts are the test's too. */
function ownMounts(mountPoints: readonly string[]): Mount[] {
  const devices = mountPoints.map((point) => mountAt(point).device);
  return mounts().filter(({ device }) => devices.includes(device));
}

/** It would mark them, and the machine's other processes wait for it at each opening. */
function refuseForeignMounts(types: readonly string[], mountPoints: readonly string[]): void {
  const own = ownMounts(mountPoints).map(({ id }) => id);
  const foreign = mounts().filter(({ type, id }) => types.includes(type) && !own.includes(id));
  if (foreign.length > 0) throw new Error(`not the test's own: ${foreign.map(({ point }) => point).join(", ")}`);
}

/** As the kernel writes marks of a mount and of a file system into fdinfo: hexadecimal, a device as major << 20 | minor. */
function marksWanted(mountPoints: readonly string[]): { mount: string; device: string }[] {
  return ownMounts(mountPoints).map(({ id, device }) => {
    const [major = 0, minor = 0] = device.split(":").map(Number);
    return { mount: `mnt_id:${id.toString(16)}`, device: `sdev:${((major << 20) | minor).toString(16)}` };
  });
}

function marksOf(pid: number): string[] {
  return readdirSync(`/proc/${pid}/fdinfo`).flatMap((fd) => {
    return readIfThere(`/proc/${pid}/fdinfo/${fd}`)
      .split("\n")
      .flatMap((line) => /^fanotify .*?\b((?:mnt_id|sdev):\w+)/.exec(line)?.[1] ?? []);
  });
}

/** Empty for a descriptor that was closed since it was listed. */
function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
}

function writeSettings(folder: string, sha256: readonly string[], types: string[], strict: boolean): void {
  const settings = join(folder, "etc", "fapolicyd");
  const state = join(folder, "state", "fapolicyd");
  for (const each of [settings, state]) mkdirSync(each, { recursive: true });
  for (const each of ["rules.d", "trust.d"]) mkdirSync(join(settings, each), { recursive: true });
  // As Debian ships it, but for: whose rights, what is watched, where trust comes from, and no report at the end.
  const configuration = {
    permissive: 0,
    nice_val: 14,
    q_size: 640,
    uid: 0,
    gid: 0,
    do_stat_report: 0,
    detailed_report: 0,
    db_max_size: 50,
    subj_cache_size: 1549,
    obj_cache_size: 8191,
    watch_fs: types.join(","),
    trust: "file",
    integrity: "sha256",
    syslog_format: "rule,dec,perm,auid,pid,exe,:,path,ftype,trust",
    rpm_sha256_only: 0,
    allow_filesystem_mark: strict ? 1 : 0,
  };
  const lines = Object.entries(configuration).map(([key, value]) => `${key} = ${value}\n`);
  writeFileSync(join(settings, "fapolicyd.conf"), lines.join(""));
  const denied = sha256.map((hash) => `deny perm=${strict ? "any" : "execute"} all : sha256hash=${hash}\n`);
  writeFileSync(join(settings, "compiled.rules"), `${denied.join("")}allow perm=any all : all\n`);
  // One entry, of a file that nothing runs: with none at all it fails to open its database at each event.
  writeFileSync(join(settings, "fapolicyd.trust"), `/nowhere 1 ${"0".repeat(64)}\n`);

  if (mounts().some(({ point }) => point === "/var/lib/fapolicyd")) return;
  // Its paths are compiled in. What is laid over them holds in this mount namespace alone.
  mount("overlay", "/etc", [`lowerdir=${join(folder, "etc")}:/etc`]);
  mount("overlay", "/usr/share", [`lowerdir=${join(packages, "usr/share")}:/usr/share`]);
  mount("overlay", "/var/lib", [`lowerdir=${join(folder, "state")}:/var/lib`]);
  mount("ramfs", "/var/lib/fapolicyd", []);
  mount("ramfs", "/run", []);
  mkdirSync("/run/fapolicyd");
}

function mount(type: string, point: string, options: string[]): void {
  execFileSync("mount", ["-t", type, ...options.flatMap((each) => ["-o", each]), type, point]);
}

/** `/usr/lib` itself and the folder of the machine's architecture in it. */
function libraryFolders(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const below = readdirSync(folder, { withFileTypes: true }).filter((each) => each.name.endsWith("-linux-gnu"));
  return [folder, ...below.map(({ name }) => join(folder, name))];
}
