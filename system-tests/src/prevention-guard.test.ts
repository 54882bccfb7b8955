import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "./namespaces.ts";
import { createLab, needsGuardedHost } from "./prevention-lab.ts";

test("a banned file does not run, nor a copy of it, and any other does", needsGuardedHost, async (t) => {
  const lab = await createLab(t);
  const [bad, good] = [await lab.place("bad", "bad"), await lab.place("good", "good")];
  assert.deepEqual([await lab.attempt(bad.path), await lab.attempt(good.path)], ["ran", "ran"]);
  assert.deepEqual(await lab.ask("ability", null), { able: true });

  const effect = await lab.ban(bad.hash);
  assert.equal(effect.state, "in-effect");
  await lab.place("copy", "bad");
  assert.deepEqual([await lab.attempt(bad.path), await lab.attempt(`${lab.guarded}/copy`)], ["EPERM", "EPERM"]);
  assert.equal(await lab.attempt(good.path), "ran");
  assert.deepEqual(await lab.ask("ability", null), { able: true });

  assert.deepEqual(await lab.lift(), { state: "lifted" });
  assert.equal(await lab.attempt(bad.path), "ran");
});

test("a denial says what, by which rule, and who asked; those like it are told as one", needsGuardedHost, async (t) => {
  const lab = await createLab(t);
  const bad = await lab.place("bad", "bad");
  const files = [{ algorithm: "sha256" as const, hash: bad.hash, name: "A rule's label" }];
  await lab.ask("enforce", { scope: "all", wish: { files } });
  await lab.shell(`for i in 1 2 3; do setpriv --reuid 1 --clear-groups sh -c '${bad.path}; :' 2>/dev/null; done`);

  const blocks = await until("both are told", async () => {
    const seen = await lab.ask("seen", null);
    return seen.blocks.length > 1 ? seen.blocks : null;
  });
  const [first, merged] = blocks;
  assert.ok(first !== undefined && merged !== undefined);
  const { eventId, at, processes, ...rest } = first;
  assert.deepEqual(rest, {
    kind: "denied",
    path: bad.path,
    hash: bad.hash,
    algorithm: "sha256",
    scope: "all",
    ruleName: "A rule's label",
    fileSha256: bad.hash,
    userId: 1,
    userName: "daemon",
    count: 1,
  });
  assert.match(eventId, /^[0-9a-f-]{36}$/);
  assert.ok(Date.parse(at) > Date.now() - 60_000);
  assert.ok(
    processes.some(({ commandLine }) => commandLine.includes(`${bad.path}; :`)),
    JSON.stringify(processes),
  );
  assert.equal(processes.at(-1)?.pid, 1);
  assert.deepEqual([merged.count, merged.path], [2, bad.path]);
  assert.notEqual(merged.eventId, eventId);
});

test("rules of the host and of all hosts hold together, and each is lifted by itself", needsGuardedHost, async (t) => {
  const lab = await createLab(t);
  const [own, common] = [await lab.place("own", "own"), await lab.place("common", "common")];
  const md5 = (await lab.shell(`md5sum < ${common.path}`)).slice(0, 32);
  const both = async () => [await lab.attempt(own.path), await lab.attempt(common.path)];
  await lab.ban(own.hash);
  assert.deepEqual(await both(), ["EPERM", "ran"]);
  await lab.ask("enforce", { scope: "all", wish: { files: [{ algorithm: "md5", hash: md5, name: null }] } });
  assert.deepEqual(await both(), ["EPERM", "EPERM"]);
  await lab.lift();
  assert.deepEqual(await both(), ["ran", "EPERM"]);
  assert.deepEqual(await lab.ask("readBack", {}), { state: "lifted" });
  await lab.ask("enforce", { scope: "all", wish: null });
  assert.deepEqual(await both(), ["ran", "ran"]);
});

test("what keeps the host alive is refused, and the rest of the rule holds", needsGuardedHost, async (t) => {
  const lab = await createLab(t);
  const bad = await lab.place("bad", "bad");
  const digestOf = async (path: string) => (await lab.shell(`sha256sum < ${path}`)).slice(0, 64);
  const [shell, runtime] = [await digestOf("/bin/sh"), await digestOf("/proc/1/exe")];
  const empty = await digestOf("/dev/null");
  const effect = await lab.ban(bad.hash, shell, runtime, empty);
  assert.ok(effect.state === "in-effect");
  assert.match(effect.detail, /^1 file banned on/);
  assert.deepEqual(
    effect.refused?.map(({ part, reason }) => [part, reason]).sort(),
    [shell, runtime, empty].map((hash) => [hash, "HOST_NEEDS_IT"]).sort(),
  );
  await lab.shell(`cp /bin/sh ${lab.guarded}/sh`);
  assert.equal(await lab.attempt(`${lab.guarded}/sh`, "-c", "echo ran"), "ran");
  assert.equal(await lab.attempt(bad.path), "EPERM");

  const alone = await lab.ban(shell);
  assert.ok(alone.state === "failed" && alone.reason === "HOST_NEEDS_IT", JSON.stringify(alone));
  assert.match(alone.detail, /it is \/\S*sh/);
});

test("in scripts mode a banned file cannot be opened wherever it comes from", needsGuardedHost, async (t) => {
  const lab = await createLab(t);
  const bad = await lab.place("bad", "bad");
  const files = [{ algorithm: "sha256" as const, hash: bad.hash, name: null }];
  const effect = await lab.ask("enforce", { wish: { files, scripts: true } });
  assert.match(effect.state === "in-effect" ? effect.detail : "", /scripts mode on/);
  // Written anew, so that no scan can have found it.
  await lab.place("/mnt/guarded/new", "bad");
  assert.match(await lab.attempt("sh", "/mnt/guarded/new"), /Operation not permitted|cannot open/i);
  await lab.place("good", "good");
  assert.equal(await lab.attempt("sh", `${lab.guarded}/good`), "ran");

  // Also while a guard starts whose own files are asked about.
  const guard = await until("there is a guard", lab.guardPid);
  await lab.host.ask("signal", { pid: guard, signal: "SIGKILL" });
  assert.match(await lab.attempt("sh", "/mnt/guarded/new"), /Operation not permitted|cannot open/i);
  await until("another guard", async () => ((await lab.guardPid()) ?? guard) !== guard, 30_000);
  assert.match(await lab.attempt("sh", "/mnt/guarded/new"), /Operation not permitted|cannot open/i);

  await lab.ask("enforce", { wish: { files } });
  await lab.place("newer", "bad");
  assert.equal(await lab.attempt("sh", `${lab.guarded}/newer`), "ran");
});
