/**
 * A small Debian with a systemd, for hosts that boot: kernel and initial RAM disk of a virtual machine, and a root
 * filesystem for that or for a container. Made once, in a minute, from Debian's packages, and kept in .cordon/ of the
 * checkout. Nothing of it is installed on the machine that runs the tests.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export type MachineImage = { kernel: string; ramDisk: string; rootDisk: string };

/** Inside: the network card's addresses, as systemd-networkd sets them up at each boot. */
export type MachineNetwork = { mac: string; ipv4: string; ipv6: string };

const cacheDir = fileURLToPath(new URL("../../.cordon/", import.meta.url));
const packages = [
  ...["linux-image-cloud-amd64", "initramfs-tools", "systemd", "systemd-sysv", "udev", "dbus", "kmod"],
  ...["nftables", "iproute2", "conntrack", "procps"],
];
/**
 * What boots a container, of the same systemd. Of its package this program alone: the rest brings a dozen other packages
 * along, for downloads.
 */
const containerHook = `set -e; cd "$1"; chroot . sh -ec 'cd /tmp; apt-get -qq download systemd-container 2>/dev/null
dpkg-deb --fsys-tarfile systemd-container_*.deb | tar -x -C / ./usr/bin/systemd-nspawn; rm systemd-container_*.deb'`;
/** Only what these machines have: a RAM disk for any machine takes an emulated processor seconds to unpack, at each boot. */
const ramDiskHook = `set -e; cd "$1"; mkdir -p etc/initramfs-tools/conf.d usr/share/initramfs-tools/modules.d
echo MODULES=list >etc/initramfs-tools/conf.d/cordon-test
printf 'virtio_pci\\nvirtio_blk\\next4\\n' >usr/share/initramfs-tools/modules.d/cordon-test`;
/** What a test machine has no use for, and would wait for. */
const masked = [
  ...["sys-kernel-debug.mount", "sys-kernel-tracing.mount", "sys-fs-fuse-connections.mount", "dev-hugepages.mount"],
  ...["apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "fstrim.timer", "e2scrub_all.timer"],
  ...[
    "e2scrub_reap.service",
    "getty@tty1.service",
    "serial-getty@ttyS0.service",
    "systemd-networkd-wait-online.service",
  ],
];

/** The channel by which a test runs commands inside: see virtual-machine.ts. */
const commandPort = `#!/bin/bash
until test -e /dev/virtio-ports/cordon-test; do sleep 0.1; done
exec 3<>/dev/virtio-ports/cordon-test
echo ready >&3
while IFS= read -r line <&3; do
  base64 -d <<<"$line" >/run/cordon-test.sh
  bash /run/cordon-test.sh </dev/null >/run/cordon-test.out 2>/run/cordon-test.err; code=$?
  echo "$code $(base64 -w0 /run/cordon-test.out) $(base64 -w0 /run/cordon-test.err)" >&3
done
`;
const commandPortUnit = `[Unit]
ConditionVirtualization=vm
[Service]
ExecStart=/usr/local/sbin/cordon-test-port
Restart=always
[Install]
WantedBy=multi-user.target
`;
/**
 * Speaks to a stranger all the time, from the first moment that it can: what an open host does. It waits by reading from
 * nobody: to start a program twenty times a second would keep an emulated processor busy.
 */
const talkative = (to: string) => `[Unit]
DefaultDependencies=no
[Service]
ExecStart=/bin/bash -c 'exec 3<> <(:); while :; do echo hello 2>/dev/null >/dev/udp/${to}/9; read -rt 0.05 -u 3; done'
StandardError=null
Restart=always
[Install]
WantedBy=sysinit.target
`;

export function makeMachineImage({ network, talksTo }: { network: MachineNetwork; talksTo: string }): MachineImage {
  const files: Record<string, string> = {
    "etc/hostname": "isolated-host\n",
    "etc/systemd/network/10-eth.network": `[Match]\nMACAddress=${network.mac}\n[Network]\nAddress=${network.ipv4}/24\nAddress=${network.ipv6}/64\nIPv6AcceptRA=no\n`,
    "etc/systemd/system/cordon-test-port.service": commandPortUnit,
    "etc/systemd/system/talkative.service": talkative(talksTo),
    "usr/local/sbin/cordon-test-port": commandPort,
  };
  const key = createHash("sha256")
    .update(JSON.stringify([packages, containerHook, ramDiskHook, masked, files]))
    .digest("hex")
    .slice(0, 12);
  const folder = join(cacheDir, `machine-${key}`);
  const image = {
    kernel: join(folder, "kernel"),
    ramDisk: join(folder, "ram-disk"),
    rootDisk: join(folder, "root.ext4"),
  };
  if (existsSync(folder)) return image;
  mkdirSync(cacheDir, { recursive: true });
  for (const name of readdirSync(cacheDir).filter((name) => name.startsWith("machine-"))) {
    // Of an older recipe, or half made by a test that was killed.
    rmSync(join(cacheDir, name), { recursive: true, force: true });
  }
  const making = mkdtempSync(join(cacheDir, "machine-making-"));
  try {
    build(making, files);
    renameSync(making, folder);
  } finally {
    rmSync(making, { recursive: true, force: true });
  }
  return image;
}

function build(folder: string, files: Record<string, string>): void {
  const root = join(folder, "root");
  must("mmdebstrap", [
    ...["--quiet", "--mode=root", "--variant=minbase", `--include=${packages.join(",")}`],
    ...["doc", "locale", "man"].map((name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`),
    // Lost with the machine's power, the image is made anew: nothing needs to be on the disk at once.
    ...["--dpkgopt=force-unsafe-io", `--essential-hook=${ramDiskHook}`],
    `--customize-hook=${containerHook}`,
    ...["bookworm", root],
  ]);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(root, path, ".."), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  chmodSync(join(root, "usr/local/sbin/cordon-test-port"), 0o755);
  const units = ["systemd-networkd.service", "cordon-test-port.service", "talkative.service"];
  must("systemctl", ["--quiet", `--root=${root}`, "enable", ...units]);
  must("systemctl", ["--quiet", `--root=${root}`, "mask", ...masked]);
  const boot = readdirSync(join(root, "boot"));
  const find = (start: string) => join(root, "boot", boot.find((name) => name.startsWith(start)) ?? start);
  copyFileSync(find("vmlinuz-"), join(folder, "kernel"));
  copyFileSync(find("initrd.img-"), join(folder, "ram-disk"));
  makeDisk({ from: root, to: join(folder, "root.ext4"), size: "2G" });
  rmSync(root, { recursive: true, force: true });
}

/** An ext4 filesystem in a sparse file, filled from a folder; needs no mount. */
export function makeDisk({ from, to, size }: { from: string; to: string; size: string }): void {
  must("mke2fs", ["-q", "-t", "ext4", "-d", from, to, size]);
}

function must(program: string, words: string[]): void {
  const path = `${process.env.PATH}:/usr/sbin:/sbin`;
  const result = spawnSync(program, words, { encoding: "utf8", timeout: 400_000, env: { ...process.env, PATH: path } });
  if (result.status !== 0) throw new Error(`${program} ${words.join(" ")}: ${result.stderr || result.error}`);
}
