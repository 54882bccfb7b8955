/**
 * A host that is a virtual machine: a real kernel that boots, a real systemd, and a power switch. It stands in the place of
 * the host of a test's own network, and its cable can be listened at.
 */
import { type ChildProcess, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { cableBridge, hostMac } from "./host-cable.ts";
import type { NetworkNode, RunResult } from "./namespaces.ts";
import { until } from "./namespaces.ts";
import { createFolder, type Owner } from "./programs.ts";
import { needsServiceContainer } from "./service-container.ts";
import type { MachineImage } from "./systemd-host-image.ts";

/** Without hardware for it every instruction is emulated, on a machine that may be busy. */
const bootWithinMs = 120_000;
const runWithinMs = 120_000;
const cable = "machine0";

/** What a test passes to be skipped by name where there can be no virtual machine, or nothing to prepare its disk in. */
export const needsVirtualMachine: { skip?: string } = skipReason();

/** At the end of a cable that was laid at `at`. `disk`: what it boots from and writes to. Not started yet. */
export async function createVirtualMachine(
  owner: Owner,
  { image, disk, at }: { image: MachineImage; disk: string; at: NetworkNode },
) {
  let machine: ChildProcess | null = null;
  let port: Socket | null = null;
  let boots = 0;
  // Before the folder's own: clean-ups run in the order in which they were asked for.
  owner.after(async () => {
    await cutPower();
    if (owner.passed === false) process.stderr.write(`The end of the machine's console:\n${consoleEnd()}\n`);
  });
  const folder = createFolder(owner, "machine");
  const consoleLog = join(folder, "console.log");
  const consoleEnd = () => (existsSync(consoleLog) ? readFileSync(consoleLog, "utf8").slice(-4000) : "");
  const plugged = await at.run("ip", ["-batch", "-"], {
    stdin: `tuntap add dev ${cable} mode tap\nlink set ${cable} master ${cableBridge}\nlink set ${cable} up\n`,
  });
  if (plugged.exitCode !== 0) throw new Error(`no cable: ${plugged.stderr}`);

  /** Resolves once commands can be run inside. */
  async function switchOn(): Promise<void> {
    boots += 1;
    // UNIX socket paths are short; one for each boot, as the one before may not be gone yet.
    const socketPath = join(folder, `port-${boots}`);
    machine = at.spawn(
      "setpriv",
      [
        ...["--pdeathsig", "KILL", "qemu-system-x86_64", "-nodefaults", "-display", "none", "-no-reboot"],
        ...["-machine", "q35", "-accel", accelerator(), "-smp", "2", "-m", "1024"],
        // Emulated, more than this brings systemd to fail at its mounts now and then.
        ...["-cpu", accelerator() === "kvm" ? "host" : "Westmere"],
        ...["-kernel", image.kernel, "-initrd", image.ramDisk],
        ...["-append", "root=/dev/vda rw console=ttyS0"],
        ...["-serial", `file:${consoleLog}`, "-drive", `file=${disk},format=raw,if=virtio`],
        ...["-netdev", `tap,id=cable,ifname=${cable},script=no,downscript=no`],
        ...["-device", `virtio-net-pci,netdev=cable,mac=${hostMac}`],
        ...["-chardev", `socket,id=port,path=${socketPath},server=on,wait=off`, "-device", "virtio-serial"],
        ...["-device", "virtserialport,chardev=port,name=cordon-test"],
      ],
      { stdio: ["ignore", "ignore", "pipe"] },
    );
    let said = "";
    machine.stderr?.on("data", (data) => {
      said += data;
    });
    const started = machine;
    port = await until(
      "qemu listens",
      () => {
        if (started.exitCode !== null) throw new Error(`qemu ended: ${said}`);
        return tryConnect(socketPath);
      },
      20_000,
    );
    await nextLine(port, bootWithinMs);
  }

  /** As when the plug is pulled: what the kernel had not written to its disk yet is lost. */
  async function cutPower(): Promise<void> {
    port?.destroy();
    if (machine === null || machine.exitCode !== null || machine.signalCode !== null) return;
    const exit = once(machine, "exit");
    machine.kill("SIGKILL");
    await exit;
  }

  /** Runs a text for bash inside, as root, to its end. */
  async function run(script: string): Promise<RunResult> {
    if (port === null) throw new Error("the machine is not switched on");
    port.write(`${Buffer.from(script).toString("base64")}\n`);
    const [code = "", stdout = "", stderr = ""] = (await nextLine(port, runWithinMs)).split(" ");
    const text = (base64: string) => Buffer.from(base64, "base64").toString("utf8");
    return { exitCode: Number(code), stdout: text(stdout), stderr: text(stderr) };
  }

  return { switchOn, cutPower, run };
}

/** Some machines have a KVM that starts a machine and never gets it to run: what the processor says is surer. */
function accelerator(): "kvm" | "tcg" {
  const hasHardware = /^flags\s*:.* (vmx|svm)( |$)/m.test(readFileSync("/proc/cpuinfo", "utf8"));
  return hasHardware && existsSync("/dev/kvm") ? "kvm" : "tcg";
}

/** Null: nobody listens there yet, which also holds for a moment after the socket's file is there. */
function tryConnect(path: string): Promise<Socket | null> {
  return new Promise((resolve) => {
    const socket = connect(path).setEncoding("utf8");
    socket.once("connect", () => resolve(socket)).once("error", () => resolve(null));
  });
}

function nextLine(port: Socket, withinMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const settle = (act: () => void) => {
      clearTimeout(timer);
      port.off("data", take).off("close", lost).off("error", lost);
      act();
    };
    const timer = setTimeout(
      () => settle(() => reject(new Error(`the machine was silent for ${withinMs} ms`))),
      withinMs,
    );
    const lost = () => settle(() => reject(new Error("the machine is gone")));
    const take = (data: string) => {
      text += data;
      // One at a time is asked for, so nothing follows the line.
      if (text.includes("\n")) settle(() => resolve(text.trimEnd()));
    };
    port.on("data", take).on("close", lost).on("error", lost);
  });
}

function skipReason(): { skip?: string } {
  if (needsServiceContainer.skip !== undefined) return needsServiceContainer;
  const found = spawnSync("qemu-system-x86_64", ["--version"]);
  return found.error === undefined ? {} : { skip: "needs the program qemu-system-x86_64" };
}
