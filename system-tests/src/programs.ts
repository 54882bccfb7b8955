/**
 * The real programs as child processes, on this machine or inside a network namespace. Each gets a folder of its own, and
 * everything is ended and removed by the owner's clean-up. All ends also when this process is killed, but the folders stay then.
 */
import { type ChildProcess, execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { askRunningAgent } from "../../packages/endpoint-agent/src/control-socket.ts";
import type { NetworkNode, RunResult } from "./namespaces.ts";
import { until } from "./namespaces.ts";
import { runServerVerb } from "./server-verb.ts";

/** Where a program runs. `ipv4` is the address at which others find it. */
export type Place = Pick<NetworkNode, "ipv4" | "run" | "spawn">;
/** Whoever ends what was started: a test's context, or the demo. Of a test that failed, its programs' logs are shown. */
export type Owner = { after(cleanUp: () => Promise<void> | void): void; readonly passed?: boolean };
export type CentralNodeProcess = Awaited<ReturnType<typeof startCentralNode>>;
export type AgentProcess = Awaited<ReturnType<typeof enrolHost>>;

/** The machine's own network, on loopback. An agent here has no right to change it. */
export const thisMachine: Place = {
  ipv4: "127.0.0.1",
  run: (program, args = [], { stdin = "", withinMs = 10_000 } = {}) =>
    new Promise((resolve) => {
      const options = { timeout: withinMs, killSignal: "SIGKILL", maxBuffer: 64 * 1024 * 1024 } as const;
      const child = execFile(program, args, options, (_error, stdout, stderr) =>
        resolve({ exitCode: child.exitCode, stdout, stderr }),
      );
      // A program that ends without reading its input breaks the pipe; its exit code says enough.
      child.stdin?.on("error", () => {});
      child.stdin?.end(stdin);
    }),
  spawn: (program, args = [], options = {}) => spawn(program, args, options),
};

export const serverMain = fileURLToPath(new URL("../../packages/central-node/src/main.ts", import.meta.url));
export const agentMain = fileURLToPath(new URL("../../packages/endpoint-agent/src/main.ts", import.meta.url));
export const commandLineMain = fileURLToPath(new URL("../../packages/cli/src/main.ts", import.meta.url));

/** A loaded machine needs a while to start a Node process. */
const startWithinMs = 60_000;

/** An empty folder that goes with its owner, or where that does not clean up, as this process exits. */
export function createFolder(owner: Owner, name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `cordon-${name}-`));
  folders.add(folder);
  owner.after(() => {
    rmSync(folder, { recursive: true, force: true });
    folders.delete(folder);
  });
  return folder;
}

const folders = new Set<string>();
process.once("exit", () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/**
 * cordon-server on a data directory of its own, ready. On this machine it takes free ports, inside a namespace 443 and
 * 8443. `main`: another main file and its first arguments, for crash tests; `start --data-dir …` follows them. `dataFrom`:
 * a data directory to begin with a copy of.
 */
export async function startCentralNode(
  owner: Owner,
  {
    place = thisMachine,
    database,
    flags = [],
    main = [serverMain],
    dataFrom,
  }: { place?: Place; database?: string; flags?: string[]; main?: string[]; dataFrom?: string } = {},
) {
  const process_ = createProcess(owner, place);
  const dataDir = createFolder(owner, "node");
  if (dataFrom !== undefined) cpSync(dataFrom, dataDir, { recursive: true });
  const fixed = ["--data-dir", dataDir, ...(database === undefined ? [] : ["--database", database]), ...flags];
  const isAlone = place !== thisMachine;
  let listen = isAlone
    ? ["--api", "*:443", "--console", "*:8443", "--metrics", "*:9464"]
    : ["--api", "127.0.0.1:0", "--console", "127.0.0.1:0", "--metrics", "127.0.0.1:0"];
  let ready = await start(main);
  const port = new URL(ready.api).port || "443";
  // A restart must be found where the first start was.
  if (!isAlone) {
    const addressOf = (url: string) => new URL(url).host;
    listen = ["--api", addressOf(ready.api), "--console", addressOf(ready.console)];
    listen.push("--metrics", addressOf(ready.metrics));
  }

  async function start(words: string[]) {
    const line = await process_.start([...words, "start", ...fixed, ...listen]);
    return line as { api: string; console: string; metrics: string; pid: number };
  }
  const reachable = (url: string) => url.replace("//127.0.0.1", `//${place.ipv4}`);

  const node = {
    place,
    dataDir,
    /** The API's URL as others reach it. */
    api: `https://${place.ipv4}:${port}`,
    console: reachable(ready.console),
    metrics: reachable(ready.metrics),
    pid: () => ready.pid,
    log: process_.log,
    /** kill -9 unless another signal is named; resolves when it is gone. */
    kill: process_.kill,
    pause: process_.pause,
    resume: process_.resume,
    exited: process_.exited,
    /** On the same ports and data; kills the one that runs. `main`: from now on another main file. */
    async restart(otherMain = main) {
      await process_.kill();
      ready = await start(otherMain);
    },
    /** A verb of cordon-server against this node; its JSON answer. Rejects with what it said when it failed. */
    admin: <T>(...words: string[]) => runServerVerb<T>([...words, "--data-dir", dataDir]),
    async acceptSystem({ id, fingerprint }: { id: string; fingerprint: string }) {
      await node.admin("external-system", "accept", id, "--fingerprint", fingerprint);
    },
    joinToken: async () => (await node.admin<{ token: string }>("join-token", "create")).token,
  };
  return node;
}

/**
 * A host: cordon-agent enrolled with its state in a folder of its own, started, and connected. `main`: another main file
 * and its first arguments, for crash tests; `start --state-dir …` follows them.
 */
export async function enrolHost(
  owner: Owner,
  central: Pick<CentralNodeProcess, "api" | "joinToken">,
  {
    place = thisMachine,
    main = [agentMain],
    servers = [central.api],
    guard = ["none"],
  }: {
    place?: Place;
    main?: string[];
    servers?: string[];
    /** Of filesystems that are the test's own, and of no other. */
    guard?: string[];
  } = {},
) {
  // Whatever a test orders, and whoever runs it: the machine itself is not to lose its network.
  const agentPlace = place === thisMachine ? withoutNetworkRights(thisMachine) : place;
  const process_ = createProcess(owner, agentPlace);
  const stateDir = createFolder(owner, "agent");
  const words = ["enroll", "--server", ...servers, "--token", await central.joinToken(), "--state-dir", stateDir];
  const { sensorId } = await runForJson<{ sensorId: string }>(agentPlace, agentMain, words);

  // As `status` does, without a Node process for each look.
  const isConnected = async () =>
    ((await askRunningAgent(stateDir, { command: "status" })) as AgentStatus | null)?.link === "connected";

  const agent = {
    place,
    stateDir,
    sensorId,
    log: process_.log,
    pid: process_.pid,
    kill: process_.kill,
    pause: process_.pause,
    resume: process_.resume,
    exited: process_.exited,
    /** Kills the one that runs. `flags`: more for `start`, such as --server; `main`: another main file. */
    async restart(otherMain = main, flags: string[] = []) {
      await process_.kill();
      await process_.start([...otherMain, "start", "--state-dir", stateDir, "--guard", ...guard, ...flags]);
    },
    status: () => runForJson<AgentStatus>(agentPlace, agentMain, ["status", "--state-dir", stateDir]),
    /** Break-glass. */
    release: () =>
      runForJson<{ state: string; by: string }>(agentPlace, agentMain, ["release", "--state-dir", stateDir]),
    /** Resolves once the Central Node has welcomed it. */
    untilConnected: () => until("the agent is connected", isConnected, startWithinMs),
  };
  await agent.restart();
  await agent.untilConnected();
  return agent;
}

type AgentStatus = {
  running: boolean;
  sensorId: string;
  link?: string;
  capabilities?: string[];
  settings: { action: string; scope: string; generation: number; state: string; remainingSec: number | null }[];
  blocksWaiting?: number;
};

/** Root without CAP_NET_ADMIN cannot load a single rule, and an agent then says that it is not able to isolate. */
function withoutNetworkRights(place: Place): Place {
  if (process.geteuid?.() !== 0) return place;
  const wrapper = ["--bounding-set", "-net_admin", "--inh-caps", "-net_admin"];
  return {
    ipv4: place.ipv4,
    run: (program, args = [], options = {}) => place.run("setpriv", [...wrapper, program, ...args], options),
    spawn: (program, args = [], options = {}) => place.spawn("setpriv", [...wrapper, program, ...args], options),
  };
}

/** Runs one of our programs with --json to its end. Rejects with its exit code and what it said when it failed. */
export async function runForJson<T>(place: Place, main: string, words: string[]): Promise<T> {
  const { exitCode, stdout, stderr } = await runProgram(place, main, [...words, "--json"]);
  if (exitCode !== 0) throw new Error(`${words.slice(0, 2).join(" ")} ended with ${exitCode}: ${stderr}${stdout}`);
  // Its caller knows what the verb answers with.
  return JSON.parse(stdout) as T;
}

export function runProgram(place: Place, main: string, words: string[]): Promise<RunResult> {
  return place.run(process.execPath, [main, ...words], { withinMs: startWithinMs });
}

/** What its first line, by which an operator's shell starts it, gives to Node. */
function nodeFlagsOf(main: string): string[] {
  if (!existsSync(main)) return [];
  const [line = ""] = readFileSync(main, "utf8").split("\n");
  return /^#!.* node (.*)$/.exec(line)?.[1]?.split(" ") ?? [];
}

/** One program that is started, killed, and started again; its output is kept over all of that. */
function createProcess(owner: Owner, place: Place) {
  let child: ChildProcess | null = null;
  let exit: Promise<unknown> = Promise.resolve();
  let log = "";
  const logEnd = () => log.slice(-4000);

  const program = {
    /** Starts it and resolves with its first line on stdout, parsed; rejects with its log when it ends before that. */
    async start(words: string[]): Promise<unknown> {
      const node = [process.execPath, ...nodeFlagsOf(words[0] ?? "")];
      const [command = process.execPath, ...args] = [...endWithParent, ...node, ...words];
      const started = place.spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
      child = started;
      exit = once(started, "exit");
      let ended = false;
      exit = exit.then((how) => {
        ended = true;
        return how;
      });
      let printed = "";
      started.stdout?.setEncoding("utf8").on("data", (text: string) => {
        printed += text;
      });
      started.stderr?.setEncoding("utf8").on("data", (text: string) => {
        log += text;
      });
      const isThere = () => printed.includes("\n") || ended;
      await until(`${words[0]} is ready`, isThere, startWithinMs).catch((error: Error) => {
        throw new Error(`${error.message}; it said: ${logEnd()}`);
      });
      const [line = ""] = printed.split("\n");
      if (line === "") throw new Error(`${words.join(" ")} ended at once; it said: ${logEnd()}`);
      return JSON.parse(line);
    },
    pid: () => child?.pid,
    log: () => log,
    async kill(signal: NodeJS.Signals = "SIGKILL") {
      child?.kill(signal);
      await exit;
    },
    /** Stopped by SIGSTOP, its connections stay open and nobody answers on them. */
    pause: () => child?.kill("SIGSTOP"),
    resume: () => child?.kill("SIGCONT"),
    /** Resolves when the one that was started last is gone. */
    exited: () => exit,
  };
  owner.after(async () => {
    await program.kill();
    if (owner.passed === false) process.stderr.write(`The log's end of a program of the failed test:\n${logEnd()}\n`);
  });
  return program;
}

/**
 * A wrapper that lets the kernel end a program with the process that started it: a test that is killed by -9 cleans nothing
 * up. Empty where there is none.
 */
export const endWithParent: readonly string[] =
  spawnSync("setpriv", ["--pdeathsig", "KILL", "true"]).status === 0 ? ["setpriv", "--pdeathsig", "KILL"] : [];
