/**
 * A small network of Linux network namespaces: a Central Node, a host, a stranger, and if asked a container behind the
 * host, joined by a switch that is in a namespace of its own. The machine's own network is not touched. Needs root.
 */
import { type ChildProcess, execFile, type SpawnOptions, spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

export type NetworkNode = {
  /** The network namespace's name, for `ip netns exec`. */
  namespace: string;
  ipv4: string;
  ipv6: string;
  /** The address of its network card: every frame that it sends carries it. */
  mac: string;
  /** Runs a program inside and waits for its end, at most `withinMs` (10 s); one that takes longer is killed. */
  run(program: string, args?: string[], options?: { stdin?: string; withinMs?: number }): Promise<RunResult>;
  /** Starts a program inside. The child's pid is the program's own. Killed when the network closes. */
  spawn(program: string, args?: string[], options?: SpawnOptions): ChildProcess;
};
export type RunResult = { exitCode: number | null; stdout: string; stderr: string };

export type Network = {
  central: NetworkNode;
  host: NetworkNode;
  stranger: NetworkNode;
  /** Reaches the others through the host, which forwards; made when `container` was asked for. */
  container: NetworkNode | null;
  /** Kills what still runs inside and takes everything away. */
  close(): Promise<void>;
};

/** What a test passes to be skipped by name, and with the reason, where such a network cannot be made. */
export const needsNamespaces: { skip?: string } = skipReason();

/**
 * Takes some 200 ms. Names hold this process's ID: several processes may make networks at the same time, and what a
 * killed one left behind is removed by the next that comes.
 */
export async function createNetwork(wanted: { container?: boolean } = {}): Promise<Network> {
  removeLeftovers();
  count += 1;
  const prefix = `${namePrefix}${process.pid}-${count}-`;
  const roles = wanted.container ? [...stationRoles, "container" as const] : [...stationRoles];
  const namespaces = ["switch", ...roles].map((role) => prefix + role);
  const children = new Set<ChildProcess>();
  const remove = () => {
    for (const child of children) child.kill("SIGKILL");
    for (const namespace of namespaces) removeNamespace(namespace);
    open.delete(remove);
  };
  // Registered before the first namespace exists: a process that ends halfway cleans up as well.
  open.add(remove);
  cleanUpOnExit();
  try {
    build(prefix, roles);
  } catch (error) {
    remove();
    throw error;
  }
  const nodeOf = (role: Role) => createNode(prefix + role, addressesOf[role], children);
  return {
    central: nodeOf("central"),
    host: nodeOf("host"),
    stranger: nodeOf("stranger"),
    container: wanted.container ? nodeOf("container") : null,
    async close() {
      remove();
    },
  };
}

/**
 * Resolves with the first truthy value of `probe`, which is called each `everyMs` (20 ms); rejects after `withinMs` (10 s)
 * and says what did not come true. A probe that takes long, as it starts a program, is called less often: asking must not
 * take the time of what is waited for.
 */
export async function until<T>(
  what: string,
  probe: () => T | Promise<T>,
  withinMs = 10_000,
  everyMs = 20,
): Promise<NonNullable<T>> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const askedMs = performance.now();
    const value = await probe();
    if (value) return value;
    const nowMs = performance.now();
    if (nowMs > deadline) throw new Error(`not within ${withinMs} ms: ${what}`);
    const pauseMs = Math.min(Math.max(everyMs, 2 * (nowMs - askedMs)), longestPauseMs);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

const longestPauseMs = 1000;

type Role = "central" | "host" | "stranger" | "container";
const stationRoles = ["central", "host", "stranger"] as const;
const namePrefix = "cordon-";
let count = 0;

// Ranges for documentation (RFC 5737, RFC 3849): no real network is ever meant, whatever goes wrong.
const addressesOf: Record<Role, { ipv4: string; ipv6: string; mac: string }> = {
  central: { ipv4: "192.0.2.10", ipv6: "2001:db8:1::10", mac: "02:00:00:00:00:10" },
  host: { ipv4: "192.0.2.20", ipv6: "2001:db8:1::20", mac: "02:00:00:00:00:20" },
  stranger: { ipv4: "192.0.2.30", ipv6: "2001:db8:1::30", mac: "02:00:00:00:00:30" },
  container: { ipv4: "198.51.100.40", ipv6: "2001:db8:2::40", mac: "02:00:00:00:00:40" },
};
/** The host's side of the link to the container. */
const hostInside = { ipv4: "198.51.100.1", ipv6: "2001:db8:2::1" };

function build(prefix: string, roles: readonly Role[]): void {
  ipBatch(
    [],
    ["switch", ...roles].map((role) => `netns add ${prefix}${role}`),
  );
  // Before any link exists. Duplicate address detection would hold every IPv6 address back for a second or two.
  const quiet = ["net.ipv6.conf.default.accept_dad=0", "net.ipv6.conf.default.accept_ra=0"];
  for (const role of roles) {
    const forwarding = role === "host" ? ["net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"] : [];
    must("ip", ["netns", "exec", prefix + role, "sysctl", "-qw", ...quiet, ...forwarding]);
  }
  // The switch must send nothing of its own.
  must("ip", ["netns", "exec", `${prefix}switch`, "sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1"]);
  ipBatch(
    ["-n", `${prefix}switch`],
    [
      // Without snooping the switch passes neighbour discovery on, whether or not anybody announced a group.
      "link add name switch0 type bridge mcast_snooping 0",
      "link set switch0 up",
      ...stationRoles.flatMap((role) => [
        `link add ${role} type veth peer name eth0 address ${addressesOf[role].mac} netns ${prefix}${role}`,
        `link set ${role} master switch0 up`,
      ]),
    ],
  );
  for (const role of stationRoles) {
    const { ipv4, ipv6 } = addressesOf[role];
    const host = addressesOf.host;
    const toContainer =
      roles.includes("container") && role !== "host"
        ? [`route add 198.51.100.0/24 via ${host.ipv4}`, `route add 2001:db8:2::/64 via ${host.ipv6}`]
        : [];
    ipBatch(
      ["-n", prefix + role],
      [
        "link set lo up",
        "link set eth0 up",
        `addr add ${ipv4}/24 dev eth0`,
        `addr add ${ipv6}/64 dev eth0 nodad`,
        ...toContainer,
      ],
    );
  }
  if (roles.includes("container")) buildContainer(`${prefix}host`, `${prefix}container`);
}

function buildContainer(host: string, container: string): void {
  const { ipv4, ipv6, mac } = addressesOf.container;
  ipBatch(
    ["-n", host],
    [
      `link add container0 type veth peer name eth0 address ${mac} netns ${container}`,
      "link set container0 up",
      `addr add ${hostInside.ipv4}/24 dev container0`,
      `addr add ${hostInside.ipv6}/64 dev container0 nodad`,
    ],
  );
  ipBatch(
    ["-n", container],
    [
      "link set lo up",
      "link set eth0 up",
      `addr add ${ipv4}/24 dev eth0`,
      `addr add ${ipv6}/64 dev eth0 nodad`,
      `route add default via ${hostInside.ipv4}`,
      `route add ::/0 via ${hostInside.ipv6}`,
    ],
  );
}

function createNode(
  namespace: string,
  addresses: { ipv4: string; ipv6: string; mac: string },
  children: Set<ChildProcess>,
): NetworkNode {
  return {
    namespace,
    ...addresses,
    run(program, args = [], options = {}) {
      return new Promise((resolve) => {
        const child = execFile(
          "ip",
          ["netns", "exec", namespace, program, ...args],
          { timeout: options.withinMs ?? 10_000, killSignal: "SIGKILL", maxBuffer: 64 * 1024 * 1024 },
          (_error, stdout, stderr) => resolve({ exitCode: child.exitCode, stdout, stderr }),
        );
        // A program that ends without reading its input breaks the pipe; its exit code says enough.
        child.stdin?.on("error", () => {});
        child.stdin?.end(options.stdin ?? "");
      });
    },
    spawn(program, args = [], options = {}) {
      const child = spawn("ip", ["netns", "exec", namespace, program, ...args], options);
      children.add(child);
      child.once("exit", () => children.delete(child));
      return child;
    },
  };
}

function ipBatch(options: string[], lines: string[]): void {
  must("ip", [...options, "-batch", "-"], `${lines.join("\n")}\n`);
}

function must(program: string, args: string[], input = ""): void {
  const result = spawnSync(program, args, { input, encoding: "utf8" });
  if (result.status !== 0) throw new Error(`${program} ${args.join(" ")}: ${result.stderr || result.error}`);
}

/** Networks of this process that are not closed yet. */
const open = new Set<() => void>();
let watching = false;

function cleanUpOnExit(): void {
  if (watching) return;
  watching = true;
  const removeAll = () => {
    for (const remove of [...open]) remove();
  };
  process.once("exit", removeAll);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(signal, () => {
      removeAll();
      // The handler is gone by now: the signal ends the process as if it had never been caught.
      process.kill(process.pid, signal);
    });
  }
}

/** Removes the namespaces of processes that are dead. */
function removeLeftovers(): void {
  for (const line of spawnSync("ip", ["netns", "list"], { encoding: "utf8" }).stdout.split("\n")) {
    const [name = ""] = line.split(" ");
    const owner = new RegExp(`^${namePrefix}(\\d+)-`).exec(name)?.[1];
    if (owner !== undefined && !existsSync(`/proc/${owner}`)) removeNamespace(name);
  }
}

function removeNamespace(namespace: string): void {
  const inside = spawnSync("ip", ["netns", "pids", namespace], { encoding: "utf8" }).stdout;
  for (const pid of inside.split("\n").filter((line) => line !== "")) {
    try {
      process.kill(Number(pid), "SIGKILL");
    } catch (error) {
      // It ended on its own since it was listed.
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }
  spawnSync("ip", ["netns", "delete", namespace]);
}

function skipReason(): { skip?: string } {
  if (process.platform !== "linux") return { skip: "needs Linux network namespaces" };
  if (process.geteuid?.() !== 0) return { skip: "needs root, to make network namespaces" };
  for (const program of ["ip", "nft", "sysctl"]) {
    const found = spawnSync(program, ["--version"]);
    if (found.error !== undefined) return { skip: `needs the program ${program}` };
  }
  // A container without the right to make namespaces is root too.
  const tried = spawnSync("unshare", ["--net", "nft", "list", "ruleset"], { encoding: "utf8" });
  return tried.status === 0 ? {} : { skip: `needs the right to make network namespaces: ${tried.stderr.trim()}` };
}
