/**
 * A host that is a container with a systemd of its own, from the disk that a virtual machine could boot: it boots in a
 * second, by the machine's own kernel. It stands in the place of the host of a test's own network. All of it ends with
 * this process; what stays of a process that was killed, the next to come removes.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants, existsSync, readdirSync, readFileSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import {
  guardedMounts,
  type Mount,
  readMounts,
} from "../../packages/response-actions/src/prevention/enforce-mounts.ts";
import { cableBridge, hostMac } from "./host-cable.ts";
import type { NetworkNode, RunResult } from "./namespaces.ts";
import { needsNamespaces, until } from "./namespaces.ts";
import { type Owner, thisMachine } from "./programs.ts";

const bootWithinMs = 60_000;
const runWithinMs = 60_000;

/**
 * Its own process, mount and network namespaces: with the one process that holds them everything in them ends, whatever
 * else a container's manager leaves running.
 */
const ownNamespaces = [
  ...["setpriv", "--pdeathsig", "KILL", "unshare", "--net", "--mount", "--propagation", "private"],
  ...["--pid", "--fork", "--kill-child", "--mount-proc"],
];

/**
 * Every machine has it. A folder of the test's own will not do: to remove one on which something is mounted in a namespace
 * that is just ending keeps that mount alive for ever (Linux 6.18).
 */
const mountPoint = "/mnt";

/**
 * Goes over to the host's disk, with the manager that is on it: of the machine's own disk nothing stays mounted, not even
 * unseen, for the host's guard marks whole filesystems. Words: the disk, the data disk, the name of the network namespace
 * where the cable ends, which its control groups have as well, and the cable.
 */
const becomeHost = `set -e
disk=$1 data=$2 at=$3 cable=$4 root=${mountPoint}
for tree in ${cgroupTrees().join(" ")}; do mkdir "$tree/$at"; echo 0 >"$tree/$at/cgroup.procs"; done
ip link add eth0 address ${hostMac} type veth peer name "$cable" netns "/run/netns/$at"
ip -n "$at" link set "$cable" master ${cableBridge} up
mount -o loop "$disk" $root
mount --bind $root $root/mnt
mount -o loop,ro "$data" $root/mnt/mnt
cd $root
mount -t proc none proc
mount -t sysfs none sys
mount --rbind /sys/fs/cgroup sys/fs/cgroup
mount -t tmpfs none run
mount -t tmpfs none tmp
mount -t tmpfs -o mode=755 none dev
for device in 'null c 1 3' 'zero c 1 5' 'full c 1 7' 'random c 1 8' 'urandom c 1 9' 'tty c 5 0'; do mknod -m 666 dev/$device; done
pivot_root . .
umount -l .
exec systemd-nspawn --quiet --directory=/mnt --boot --console=pipe --register=no --keep-unit --private-users=no \\
  --resolv-conf=off --timezone=off --link-journal=no --network-namespace-path=/proc/self/ns/net \\
  --capability=all --drop-capability=CAP_SYS_MODULE,CAP_SYS_TIME --system-call-filter='fanotify_init fanotify_mark'
`;

/** What a test passes to be skipped by name where there can be no such host. */
export const needsServiceContainer: { skip?: string } = skipReason();

/**
 * At the end of a cable that was laid at `at`. `disk`: what it boots from and writes to, an ext4 filesystem. `dataDisk`:
 * one that is found at /mnt, read only. Not started yet.
 */
export function createServiceContainer(
  owner: Owner,
  { at, disk, dataDisk }: { at: NetworkNode; disk: string; dataDisk: string },
) {
  removeLeftovers();
  let holder: ChildProcess | null = null;
  let systemd = 0;
  let boots = 0;
  let said = "";
  owner.after(async () => {
    await cutPower();
    if (owner.passed === false) process.stderr.write(`The end of the container's console:\n${said.slice(-4000)}\n`);
  });
  const cable = () => `cable${boots}`;

  /** Resolves once it is up, with all that starts with it; one that is on is switched off before. */
  async function switchOn(): Promise<void> {
    await cutPower();
    boots += 1;
    const [program = "", ...args] = [...ownNamespaces, "sh", "-c", becomeHost, "sh"];
    const started = spawn(program, [...args, disk, dataDisk, at.namespace, cable()], {
      stdio: ["ignore", "pipe", "pipe"],
      env: barePlace,
    });
    holder = started;
    for (const stream of [started.stdout, started.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        said += text;
      });
    }
    systemd = await until(
      "the container's systemd runs",
      () => {
        if (started.exitCode !== null) throw new Error(`the container ended: ${said.slice(-4000)}`);
        return findSystemd(started.pid);
      },
      bootWithinMs,
    );
    const fault = findMachineMounts(readMounts(systemd), readMounts("self"), isOwnDisk);
    if (fault.length > 0) {
      await cutPower();
      throw new Error(`of the machine itself is mounted: ${fault.map(({ mountPoint }) => mountPoint).join(" ")}`);
    }
    const up = await run(`until test -S /run/systemd/private; do sleep 0.05; done
      systemctl is-system-running --wait`);
    // Degraded, if a unit has failed: which one may, is the test's own business.
    if (!/^(running|degraded)$/m.test(up.stdout)) throw new Error(`it is not up: ${up.stdout}${up.stderr}`);
  }

  /** At once, as seen by its programs and by its network. What they wrote to files is on the disk nevertheless. */
  async function cutPower(): Promise<void> {
    const held = holder;
    holder = null;
    if (held === null) return;
    if (held.exitCode === null && held.signalCode === null) {
      const exit = once(held, "exit");
      // The first process of the namespace: its holder ends when the last one in it is gone.
      for (const pid of childrenOf(held.pid)) process.kill(pid, "SIGKILL");
      await exit;
    }
    // The kernel takes a while to take a network namespace apart, and answers for its addresses until then.
    await thisMachine.run("ip", ["-n", at.namespace, "link", "delete", cable()]);
    await until("the disks are free", () => !loopFiles().some((file) => file === disk || file === dataDisk));
    await until("the control groups are gone", () => removeControlGroups((name) => name === at.namespace));
  }

  /** Runs a text for bash inside, as root, to its end. */
  function run(script: string): Promise<RunResult> {
    if (holder === null) throw new Error("the container is not switched on");
    const words = ["--target", String(systemd), "--all", "env", "-i", ...environment, "bash", "-c", script];
    return thisMachine.run("nsenter", words, { withinMs: runWithinMs });
  }

  const isOwnDisk = (device: string) => {
    const file = `/sys/dev/block/${device}/loop/backing_file`;
    return existsSync(file) && [disk, dataDisk].includes(readFileSync(file, "utf8").trimEnd());
  };

  return { switchOn, cutPower, run };
}

/** What a guard inside would mark although it is not the host's own: with it would go every program of the machine. */
export function findMachineMounts(
  inside: readonly Mount[],
  machine: readonly Mount[],
  isOwnDisk: (device: string) => boolean,
): Mount[] {
  const ofMachine = new Set(machine.map(({ device }) => device));
  const isOnDisk = ({ device }: Mount) => !device.startsWith("0:");
  const markable = new Set(guardedMounts(inside, "all", new Set()));
  return inside.filter(
    (mount) => !isOwnDisk(mount.device) && (isOnDisk(mount) || (markable.has(mount) && ofMachine.has(mount.device))),
  );
}

const environment = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"];
/** Nothing of this process: what starts the host's systemd is on the host's disk. */
const barePlace = Object.fromEntries(environment.map((each) => each.split("=")));

function childrenOf(pid: number | undefined): number[] {
  const { stdout } = spawnSync("pgrep", ["-P", String(pid)], { encoding: "utf8" });
  return stdout.split("\n").filter(Boolean).map(Number);
}

/** Below the namespace's holder there is the container's manager, and below that the first process of the container. */
function findSystemd(holder: number | undefined): number | null {
  const [found] = childrenOf(holder)
    .flatMap(childrenOf)
    .filter((pid) => existsSync(`/proc/${pid}/comm`) && readFileSync(`/proc/${pid}/comm`, "utf8") === "systemd\n");
  return found ?? null;
}

function loopFiles(): string[] {
  return readdirSync("/sys/block")
    .map((name) => `/sys/block/${name}/loop/backing_file`)
    .flatMap((file) => {
      try {
        return [readFileSync(file, "utf8").trimEnd()];
      } catch {
        return []; // No loop device, or one that was freed since it was listed.
      }
    });
}

/** Where a systemd keeps its services apart: one tree, or one beside those of the first kind, or one of these. */
function cgroupTrees(): string[] {
  const folders = ["/sys/fs/cgroup", "/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified"];
  return folders.filter((folder) => existsSync(join(folder, "cgroup.procs")));
}

/** Whether all of those named are gone. One that is busy is not: its last processes are still being taken away. */
function removeControlGroups(isMeant: (name: string) => boolean): boolean {
  const meant = cgroupTrees().flatMap((tree) =>
    readdirSync(tree)
      .filter(isMeant)
      .map((name) => join(tree, name)),
  );
  return meant.map(removeControlGroup).every(Boolean);
}

function removeControlGroup(folder: string): boolean {
  try {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (entry.isDirectory()) removeControlGroup(join(folder, entry.name));
    }
    rmdirSync(folder);
    return true;
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (code === "EBUSY") return false;
    if (code === "ENOENT") return true;
    throw error;
  }
}

/** Those of processes that are dead; their programs died with them. */
function removeLeftovers(): void {
  removeControlGroups((name) => {
    const owner = /^cordon-(\d+)-/.exec(name)?.[1];
    return owner !== undefined && !existsSync(`/proc/${owner}`);
  });
}

function skipReason(): { skip?: string } {
  if (needsNamespaces.skip !== undefined) return needsNamespaces;
  if (process.arch !== "x64") return { skip: "its host's disk is for an x86-64" };
  if (spawnSync("mmdebstrap", ["--version"]).error !== undefined) return { skip: "needs the program mmdebstrap" };
  if (!existsSync("/dev/loop-control")) return { skip: "needs loop devices" };
  const [tree] = cgroupTrees();
  if (tree === undefined) return { skip: "needs the control groups of a systemd" };
  try {
    accessSync(tree, constants.W_OK);
  } catch {
    return { skip: "needs the right to make control groups" };
  }
  const [program = "", ...args] = ownNamespaces;
  const tried = spawnSync(program, [...args, "true"], { encoding: "utf8" });
  return tried.status === 0 ? {} : { skip: `needs the right to make mount namespaces: ${tried.stderr?.trim()}` };
}
