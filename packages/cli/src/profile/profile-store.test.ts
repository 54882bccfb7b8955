import assert from "node:assert/strict";
import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { createProfileStore, type Profile } from "./profile-store.ts";

const profile: Profile = {
  version: 1,
  server: "https://central.example.com",
  externalSystemId: "15301050-0490-4a41-81ea-b0391cf21ef3",
  certificate: "certificate",
  privateKey: "key",
  pin: null,
};

async function openStore(t: TestContext) {
  const root = await mkdtemp(join(tmpdir(), "cordon-profiles-"));
  t.after(() => rm(root, { recursive: true }));
  const directory = join(root, "cordon", "profiles");
  return { directory, store: createProfileStore(directory) };
}

test("a profile is kept where only its owner can read it, and nothing else is left beside it", async (t) => {
  const { directory, store } = await openStore(t);
  await store.write("default", profile);
  await store.write("default", { ...profile, pin: "pin" });
  assert.deepEqual(await store.read("default"), { ...profile, pin: "pin" });
  assert.equal((await stat(join(directory, "default.json"))).mode & 0o777, 0o600);
  assert.equal((await stat(directory)).mode & 0o777, 0o700);
  assert.deepEqual(await readdir(directory), ["default.json"]);
});

test("profiles are listed and removed by name", async (t) => {
  const { store } = await openStore(t);
  assert.deepEqual(await store.list(), []);
  assert.equal(await store.read("lab"), null);
  await store.write("lab", profile);
  await store.write("default", profile);
  assert.deepEqual(await store.list(), ["default", "lab"]);
  assert.equal(await store.remove("lab"), true);
  assert.equal(await store.remove("lab"), false);
  assert.deepEqual(await store.list(), ["default"]);
});

test("a name cannot lead out of the directory", async (t) => {
  const { store } = await openStore(t);
  for (const name of ["../x", "a/b", "", ".hidden", "x\0"]) {
    await assert.rejects(store.read(name), { failureCode: "USAGE" });
    await assert.rejects(store.remove(name), { failureCode: "USAGE" });
  }
});

test("a damaged file is reported with its path and what to do", async (t) => {
  const { directory, store } = await openStore(t);
  await store.write("default", profile);
  for (const damaged of ["{", '{"version":2}']) {
    await writeFile(join(directory, "default.json"), damaged);
    await assert.rejects(store.read("default"), { failureCode: "FAILED", message: /default\.json is not a profile/ });
  }
});
