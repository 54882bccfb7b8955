import assert from "node:assert/strict";
import { test } from "node:test";
import { parseMounts } from "../../packages/response-actions/src/prevention/enforce-mounts.ts";
import { findMachineMounts } from "./service-container.ts";

const machine = parseMounts(`22 1 254:0 / / rw - ext4 /dev/vda rw
23 22 0:24 / /run rw - tmpfs tmpfs rw
24 22 0:27 / /sys/fs/cgroup rw - tmpfs tmpfs rw
25 24 0:37 / /sys/fs/cgroup/unified rw - cgroup2 cgroup rw`);
const isOwnDisk = (device: string) => device === "7:0";
const found = (text: string) =>
  findMachineMounts(parseMounts(text), machine, isOwnDisk).map(({ mountPoint }) => mountPoint);

test("a container with its own disk, its own memory and the kernel's trees shows nothing of the machine", () => {
  const inside = `147 130 7:0 / / rw - ext4 /dev/loop0 rw
148 147 0:40 / /tmp rw - tmpfs tmpfs rw
155 154 7:0 /usr/lib/os-release /run/host/os-release ro - ext4 /dev/loop0 rw
80 61 0:37 / /sys/fs/cgroup/unified rw - cgroup2 cgroup rw`;
  assert.deepEqual(found(inside), []);
});

test("a file of the machine's disk, a disk that is not the container's, and memory that it shares are found", () => {
  const inside = `147 130 7:0 / / rw - ext4 /dev/loop0 rw
155 154 254:0 /usr/lib/os-release /run/host/os-release ro - ext4 /dev/vda rw
156 154 0:24 /systemd/propagate /run/host/incoming ro - tmpfs none rw
157 154 7:1 / /opt ro - squashfs /dev/loop1 ro`;
  assert.deepEqual(found(inside), ["/run/host/os-release", "/run/host/incoming", "/opt"]);
});
