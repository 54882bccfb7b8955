import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "./namespaces.ts";
import { createLab, type Lab, needsGuardedHost } from "./prevention-lab.ts";

const untilScanned = (lab: Lab, scans = 1) =>
  until("the scan is done", async () => {
    const done = (await lab.ask("seen", null)).scans.filter(({ state }) => state === "done");
    return done.length >= scans ? done.at(-1) : null;
  });

/** A program that waits until it is killed, as a file of its own. */
async function startWaiting(lab: Lab, name: string) {
  await lab.shell(`cp /bin/sleep ${lab.guarded}/${name}; printf ${name} >> ${lab.guarded}/${name}`);
  const hash = (await lab.shell(`sha256sum < ${lab.guarded}/${name}`)).slice(0, 64);
  const pid = Number(await lab.shell(`${lab.guarded}/${name} 600 > /dev/null 2>&1 & echo $!`));
  await until("it runs", async () => (await lab.shell(`readlink /proc/${pid}/exe`)).includes(name));
  return { hash, pid, path: `${lab.guarded}/${name}` };
}

const lives = (lab: Lab, pid: number) =>
  lab.shell(`grep -v '^State:.Z' /proc/${pid}/status | grep -q ^State`).then(
    () => true,
    () => false,
  );

test(
  "banned files that are there already cannot be read by an interpreter once they are found",
  needsGuardedHost,
  async (t) => {
    const lab = await createLab(t);
    const bad = await lab.place("bad", "bad");
    await lab.shell(`mkdir -p ${lab.guarded}/a/b && cp ${bad.path} ${lab.guarded}/a/b/copy`);
    await lab.place("good", "good");
    assert.equal((await lab.ban(bad.hash)).state, "in-effect");
    const { filesSeen, filesFound } = await untilScanned(lab);
    assert.deepEqual({ filesSeen, filesFound }, { filesSeen: 3, filesFound: 2 });
    for (const path of [bad.path, `${lab.guarded}/a/b/copy`]) {
      assert.match(await lab.attempt("sh", path), /Operation not permitted|cannot open/i);
    }
    assert.equal(await lab.attempt("sh", `${lab.guarded}/good`), "ran");

    await lab.lift();
    assert.equal(await lab.attempt("sh", bad.path), "ran");
  },
);

test("a second scan reads only what changed since, and finds what is banned now", needsGuardedHost, async (t) => {
  const lab = await createLab(t);
  const [first, second] = [await lab.place("first", "first"), await lab.place("second", "second")];
  await lab.ban(first.hash);
  await untilScanned(lab, 1);
  await lab.ban(first.hash, second.hash);
  const { filesFound } = await untilScanned(lab, 2);
  assert.equal(filesFound, 2);
  assert.match(await lab.attempt("sh", second.path), /Operation not permitted|cannot open/i);
  assert.match(await lab.shell(`ls ${lab.directory}`), /scan-index/);
});

test("a process that runs a banned file already is told, and left", needsGuardedHost, async (t) => {
  const lab = await createLab(t);
  const { hash, pid, path } = await startWaiting(lab, "bad");
  assert.equal((await lab.ban(hash)).state, "in-effect");
  await untilScanned(lab);
  const { blocks } = await lab.ask("seen", null);
  assert.deepEqual(
    blocks.map((block) => [block.kind, block.path, block.hash, block.processes[0]?.pid, block.processes[0]?.name]),
    [["running", path, hash, pid, "bad"]],
  );
  assert.ok(await lives(lab, pid));
});

test("it is killed when the rule says so, and processes of other files go on", needsGuardedHost, async (t) => {
  const lab = await createLab(t);
  const [bad, good] = [await startWaiting(lab, "bad"), await startWaiting(lab, "good")];
  const files = [{ algorithm: "sha256" as const, hash: bad.hash, name: null }];
  await lab.ask("enforce", { wish: { files, killRunning: true } });
  await untilScanned(lab);
  assert.deepEqual([await lives(lab, bad.pid), await lives(lab, good.pid)], [false, true]);
  const { blocks } = await lab.ask("seen", null);
  assert.deepEqual(
    blocks.map(({ kind, path }) => [kind, path]),
    [["killed", bad.path]],
  );
});
