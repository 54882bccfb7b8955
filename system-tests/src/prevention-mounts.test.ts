import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "./namespaces.ts";
import { createLab, type Lab, needsGuardedHost } from "./prevention-lab.ts";

async function banOne(lab: Lab): Promise<string> {
  const { path, hash } = await lab.place("bad", "bad");
  assert.equal((await lab.ban(hash)).state, "in-effect");
  return path;
}

/** Copied by a name for which nothing is denied: the copy is made from the text, not from the banned file. */
const writeBad = (at: string) => `printf '#!/bin/sh\\n# bad\\necho ran\\n' > ${at}; chmod 755 ${at}`;

/** Runs it over and over, at most for some seconds. How often it ran is how often its word was printed. */
const untilDenied = (path: string) => `timeout 8 sh -c 'while ${path} 2>/dev/null; do :; done'`;
const countRuns = (stdout: string) => stdout.split("ran\n").length - 1;

for (const watchMountsBy of ["events", "mountinfo"] as const) {
  test(`a filesystem that is mounted later is guarded (noticed by ${watchMountsBy})`, needsGuardedHost, async (t) => {
    const lab = await createLab(t, { watchMountsBy });
    await banOne(lab);
    const later = `${lab.guarded}/later`;
    const script = `mkdir ${later}; mount -t tmpfs none ${later}; ${writeBad(`${later}/bad`)}; ${untilDenied(`${later}/bad`)}`;
    const { stdout, exitCode } = await lab.host.ask("run", { words: ["sh", "-c", script] });
    assert.equal(exitCode, 0, "it was never denied");
    t.diagnostic(`ran ${countRuns(stdout)} times before it was denied`);
    const effect = await lab.ask("readBack", {});
    assert.match(effect.state === "in-effect" ? effect.detail : "", /on 2 filesystems \(tmpfs \S+, tmpfs \S+\/later\)/);

    await lab.shell(`umount ${later}`);
    await until("it is no longer guarded", async () => {
      const now = await lab.ask("readBack", {});
      return now.state === "in-effect" && now.detail.includes("on 1 filesystem ");
    });
  });

  test(`so is one in another mount namespace (noticed by ${watchMountsBy})`, needsGuardedHost, async (t) => {
    const lab = await createLab(t, { watchMountsBy });
    await banOne(lab);
    const later = `${lab.guarded}/later`;
    await lab.shell(`mkdir ${later}`);
    // The guard meets the namespace with the first program of a guarded filesystem that runs in it.
    await lab.shell(`cp /bin/mount /bin/chmod /bin/sh ${lab.guarded}`);
    const path = `PATH=${lab.guarded}:$PATH`;
    const script = `${path}; mount -t tmpfs none ${later}; ${writeBad(`${later}/bad`)}; ${untilDenied(`${later}/bad`)}`;
    const words = ["unshare", "--mount", `${lab.guarded}/sh`, "-c", script];
    const { stdout, exitCode } = await lab.host.ask("run", { words });
    assert.equal(exitCode, 0, "it was never denied");
    t.diagnostic(`ran ${countRuns(stdout)} times before it was denied`);
  });
}

test("a namespace in which nothing was run is met within seconds", needsGuardedHost, async (t) => {
  const lab = await createLab(t);
  await banOne(lab);
  const later = `${lab.guarded}/later`;
  await lab.shell(`mkdir ${later}`);
  // Everything that it starts lies outside of what is guarded.
  const script = `mount -t tmpfs none ${later}; ${writeBad(`${later}/bad`)}; ${untilDenied(`${later}/bad`)}`;
  const words = ["unshare", "--mount", "sh", "-c", script];
  const { stdout, tookMs, exitCode } = await lab.host.ask("run", { words });
  assert.equal(exitCode, 0, "it was never denied");
  t.diagnostic(`ran ${countRuns(stdout)} times before it was denied, ${Math.round(tookMs)} ms`);
});

test(
  "bind mounts and hard links of a guarded file are denied, and files of other filesystems are not asked about",
  needsGuardedHost,
  async (t) => {
    const lab = await createLab(t);
    const bad = await banOne(lab);
    await lab.shell(`mkdir ${lab.guarded}/dir /mnt/elsewhere; ln ${bad} ${lab.guarded}/dir/link`);
    await lab.shell(`mount --bind ${lab.guarded}/dir /mnt/elsewhere`);
    assert.equal(await lab.attempt("/mnt/elsewhere/link"), "EPERM");
    await lab.shell(writeBad("/mnt/outside"));
    assert.equal(await lab.attempt("/mnt/outside"), "ran");
  },
);

test("a filesystem that another one hides is neither marked nor missed", needsGuardedHost, async (t) => {
  const lab = await createLab(t);
  const { hash } = await lab.place("bad", "bad");
  const hidden = `${lab.guarded}/folder/hidden`;
  await lab.shell(`mkdir -p ${hidden}; mount -t tmpfs none ${hidden}; mount -t tmpfs none ${lab.guarded}/folder`);
  const effect = await lab.ban(hash);
  assert.match(effect.state === "in-effect" ? effect.detail : JSON.stringify(effect), /on 2 filesystems /);
});

test("what is not a place of its own is refused to be guarded", needsGuardedHost, async (t) => {
  const lab = await createLab(t);
  const { hash } = await lab.place("bad", "bad");
  await lab.shell(`mkdir ${lab.guarded}/folder ${lab.guarded}/root; mount --bind / ${lab.guarded}/root`);
  for (const [path, why] of [
    [`${lab.guarded}/folder`, /nothing is mounted at/],
    [`${lab.guarded}/root`, /shows the filesystem of \//],
    ["/proc", /of the kind proc, which is not guarded/],
  ] as const) {
    await lab.restartAgent({ guard: [path] });
    const effect = await lab.ban(hash);
    assert.ok(effect.state === "failed" && effect.reason === "GUARD_PATH", path);
    assert.match(effect.detail, why);
  }
  assert.equal(await lab.attempt(`${lab.guarded}/bad`), "ran");

  // Beneath what is guarded it is left out: the programs of the whole machine would be asked about.
  await lab.restartAgent();
  const effect = await lab.ban(hash);
  assert.match(effect.state === "in-effect" ? effect.detail : "", /on 1 filesystem /);
});

test(
  "namespaces that come and go are told apart, also when one gets the number of another",
  needsGuardedHost,
  async (t) => {
    const lab = await createLab(t);
    await banOne(lab);
    const later = `${lab.guarded}/later`;
    await lab.shell(`mkdir ${later}; cp /bin/sh /bin/true ${lab.guarded}`);
    // Run from what is guarded, so that the guard meets each of them, and then notices the mount in it.
    const script = `mount -t tmpfs none ${later}; ${writeBad(`${later}/bad`)}; ${lab.guarded}/true; ${untilDenied(`${later}/bad`)}`;
    const numbers = new Set<string>();
    for (let round = 0; round < 8; round += 1) {
      const words = ["unshare", "--mount", `${lab.guarded}/sh`, "-c", `readlink /proc/self/ns/mnt >&2; ${script}`];
      const { exitCode, stderr, stdout } = await lab.host.ask("run", { words });
      assert.deepEqual([round, exitCode], [round, 0], "it was never denied");
      assert.ok(countRuns(stdout) < 100, `it ran ${countRuns(stdout)} times in round ${round}`);
      numbers.add(stderr.trim());
    }
    t.diagnostic(`${numbers.size} numbers for 8 namespaces`);
  },
);
