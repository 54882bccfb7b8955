/**
 * A small Debian with a systemd, for hosts that boot: kernel and initial RAM disk of a virtual machine, and a root
 * filesystem for that or for a container. Made once, in a minute, from Debian's packages, and kept in .cordon/ of the
 * checkout. Nothing of it is installed on the machine that runs the tests.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { until } from "./namespaces.ts";

export type MachineImage = { kernel: string; ramDisk: string; rootDisk: string };

/** Inside: the network card's addresses, as systemd-networkd sets them up at each boot. */
export type MachineNetwork = { mac: string; ipv4: string; ipv6: string };

const makeWithinMs = 400_000;
const cacheDir = fileURLToPath(new URL("../../.cordon/", import.meta.url));
/** No bus and no package manager: neither the agent nor systemd's own network needs them, and each boot pays. */
const packages = ["systemd", "udev", "kmod", "nftables", "iproute2", "conntrack", "procps", "libstdc++6"];
/** Not by dpkgopt: mmdebstrap then passes each archive through a filter that takes longer than all the rest. */
const smallHook = `cd "$1" && rm -rf usr/share/doc/* usr/share/locale/* usr/share/man/* &&
printf 'path-exclude=/usr/share/%s/*\\n' doc locale man >etc/dpkg/dpkg.cfg.d/small`;
/**
 * Single files of packages whose other files, and the packages that those need, nobody here has a use for: what boots a
 * container, of the same systemd as the one inside; the kernel; and what loads the kernel's modules. The RAM disk holds
 * only those of these machines: one for any machine takes an emulated processor seconds, at each boot.
 */
const bootHook = `set -e; cd "$1/tmp"; export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"
kernel=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/.*Depends: \\(linux-image-[0-9].*\\)/\\1/p')
apt-get -qq download systemd-container busybox-static "$kernel"
take() { dpkg-deb --fsys-tarfile "$1"_*.deb | tar --extract --directory="$2" --no-same-owner "$3"; }
take systemd-container .. ./usr/bin/systemd-nspawn
take "$kernel" .. ./lib/modules
take "$kernel" . ./boot
mv boot/vmlinuz-* ../boot/kernel
version=$(ls ../lib/modules)
chroot .. depmod "$version"
mkdir -p ram/bin ram/dev ram/root ram/modules
take busybox-static ram ./bin/busybox
{ echo '#!/bin/busybox sh'; echo '/bin/busybox mount -t devtmpfs none /dev'
for module in virtio_pci virtio_blk ext4 virtio_net virtio_console; do
  chroot .. modprobe --set-version="$version" --show-depends "$module"
done | while read -r how module words; do
  if [ "$how" = insmod ] && ! [ -e "ram/modules/\${module##*/}" ]; then
    cp "..$module" ram/modules/
    echo "/bin/busybox insmod /modules/\${module##*/} $words"
  fi
done
echo '/bin/busybox mount -t ext4 /dev/vda /root'
echo 'exec /bin/busybox switch_root /root /lib/systemd/systemd'; } >ram/init
chmod 755 ram/init
(cd ram; find . | bin/busybox cpio -o -H newc 2>/dev/null) >../boot/ram-disk
cd ..; rm -rf tmp/*`;
/** What a test machine has no use for, and would wait for. */
const masked = [
  ...["sys-kernel-debug.mount", "sys-kernel-tracing.mount", "sys-fs-fuse-connections.mount", "dev-hugepages.mount"],
  ...["apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "fstrim.timer", "e2scrub_all.timer"],
  ...["e2scrub_reap.service", "getty.target", "systemd-networkd-wait-online.service"],
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
 * nobody: to start a program ten times a second would keep an emulated processor busy.
 */
const talkative = (to: string) => `[Unit]
DefaultDependencies=no
[Service]
ExecStart=/bin/bash -c 'exec 3<> <(:); while :; do echo hello 2>/dev/null >/dev/udp/${to}/9; read -rt 0.1 -u 3; done'
StandardError=null
Restart=always
[Install]
WantedBy=sysinit.target
`;

/** Resolves at once where there is one of this recipe. */
export async function makeMachineImage({
  network,
  talksTo,
}: {
  network: MachineNetwork;
  talksTo: string;
}): Promise<MachineImage> {
  const files: Record<string, string> = {
    "etc/hostname": "isolated-host\n",
    "etc/systemd/network/10-eth.network": `[Match]\nMACAddress=${network.mac}\n[Network]\nAddress=${network.ipv4}/24\nAddress=${network.ipv6}/64\nIPv6AcceptRA=no\n`,
    "etc/systemd/system/cordon-test-port.service": commandPortUnit,
    "etc/systemd/system/talkative.service": talkative(talksTo),
    "usr/local/sbin/cordon-test-port": commandPort,
  };
  const key = createHash("sha256")
    .update(JSON.stringify([packages, smallHook, bootHook, masked, files]))
    .digest("hex")
    .slice(0, 12);
  const folder = join(cacheDir, `machine-${key}`);
  const image = {
    kernel: join(folder, "kernel"),
    ramDisk: join(folder, "ram-disk"),
    rootDisk: join(folder, "root.ext4"),
  };
  // Several test files run at once, and one image is enough for all.
  if (!existsSync(folder)) await alone(() => existsSync(folder) || makeImage(folder, files));
  return image;
}

function makeImage(folder: string, files: Record<string, string>): void {
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
}

/** While no other process of this checkout does the same. The socket's name is free again as soon as its process has ended. */
async function alone(act: () => unknown): Promise<void> {
  const name = `\0cordon-image-${createHash("sha256").update(cacheDir).digest("hex").slice(0, 12)}`;
  const tryListen = () =>
    new Promise<Server | null>((resolve, reject) => {
      const server = createServer().listen(name, () => resolve(server));
      server.once("error", (error: NodeJS.ErrnoException) =>
        error.code === "EADDRINUSE" ? resolve(null) : reject(error),
      );
    });
  const held = await until("no other process makes the image", tryListen, makeWithinMs, 500);
  try {
    act();
  } finally {
    held.close();
  }
}

function build(folder: string, files: Record<string, string>): void {
  const root = join(folder, "root");
  must("mmdebstrap", [
    ...["--quiet", "--mode=root", "--variant=essential", `--include=${packages.join(",")}`],
    // Lost with the machine's power, the image is made anew: nothing needs to be on the disk at once.
    ...["--dpkgopt=force-unsafe-io", '--aptopt=Acquire::Languages "none"'],
    ...[`--extract-hook=${smallHook}`, `--customize-hook=${bootHook}`],
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
  for (const name of ["kernel", "ram-disk"]) renameSync(join(root, "boot", name), join(folder, name));
  makeDisk({ from: root, to: join(folder, "root.ext4"), size: "2G" });
  rmSync(root, { recursive: true, force: true });
}

/** An ext4 filesystem in a sparse file, filled from a folder; needs no mount. */
export function makeDisk({ from, to, size }: { from: string; to: string; size: string }): void {
  must("mke2fs", ["-q", "-t", "ext4", "-d", from, to, size]);
}

function must(program: string, words: string[]): void {
  const path = `${process.env.PATH}:/usr/sbin:/sbin`;
  const result = spawnSync(program, words, {
    encoding: "utf8",
    timeout: makeWithinMs,
    env: { ...process.env, PATH: path },
  });
  if (result.status !== 0) throw new Error(`${program} ${words.join(" ")}: ${result.stderr || result.error}`);
}
