import assert from "node:assert/strict";
import { test } from "node:test";
import { findGuardFault, guardedMounts, parseMounts } from "./enforce-mounts.ts";

const mounts = parseMounts(`22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
23 22 0:21 / /proc rw - proc proc rw
24 22 0:22 / /srv/with\\040blank rw master:2 propagate_from:1 - xfs /dev/sdb1 rw
25 24 0:23 / /srv/with\\040blank/sub rw - tmpfs tmpfs rw
26 22 8:1 /home /srv/home rw - ext4 /dev/sda1 rw
27 22 0:30 / /srv/net rw - nfs4 server:/x rw
28 22 0:31 / /srv2 rw - overlay overlay rw
`);
const root = new Set(["8:1"]);
const pointsOf = (guarded: "all" | string[]) =>
  guardedMounts(mounts, guarded, root).map(({ mountPoint }) => mountPoint);

test("all means every real filesystem, and none of the kernel's own or of another machine", () => {
  assert.deepEqual(pointsOf("all"), ["/", "/srv/with blank", "/srv/with blank/sub", "/srv/home", "/srv2"]);
  assert.deepEqual(pointsOf(["/"]), pointsOf("all"));
});

test("a path means what is mounted at it and beneath, and never the filesystem of / by another name", () => {
  assert.deepEqual(pointsOf(["/srv/with blank"]), ["/srv/with blank", "/srv/with blank/sub"]);
  assert.deepEqual(pointsOf(["/srv"]), ["/srv/with blank", "/srv/with blank/sub"]);
  assert.deepEqual(pointsOf(["/srv/home"]), []);
  assert.deepEqual(pointsOf([]), []);
});

test("what cannot be guarded as it is named is refused", () => {
  const faultOf = (...guarded: string[]) => findGuardFault(guarded, mounts, root);
  assert.equal(findGuardFault("all", mounts, root), null);
  assert.equal(faultOf("/srv/with blank", "/srv2"), null);
  assert.equal(faultOf("/"), null);
  assert.match(String(faultOf()), /no filesystem is named/);
  assert.match(String(faultOf("srv2")), /not an absolute path/);
  assert.match(String(faultOf("/srv2/")), /without a slash at its end/);
  assert.match(String(faultOf("/srv2", "/etc")), /nothing is mounted at \/etc/);
  assert.match(String(faultOf("/srv/home")), /shows the filesystem of \//);
  assert.match(String(faultOf("/srv/net")), /of the kind nfs4, which is not guarded/);
});
