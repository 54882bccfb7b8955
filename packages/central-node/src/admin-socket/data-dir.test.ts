import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { checkSocketPath } from "./admin-socket-path.ts";
import { claimDataDir, isClaimed } from "./data-dir.ts";

function makeFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "cordon-test-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test("a data directory is made for its owner alone, and one node has it at a time", (t) => {
  const dataDir = join(makeFolder(t), "deep", "data");
  assert.equal(isClaimed(dataDir), false);
  const claim = claimDataDir(dataDir);
  assert.equal(statSync(dataDir).mode & 0o777, 0o700);
  assert.equal(isClaimed(dataDir), true);
  assert.throws(() => claimDataDir(dataDir), new RegExp(`already running in ${dataDir}, pid ${process.pid}`));
  claim.release();
  assert.equal(isClaimed(dataDir), false);
  claimDataDir(dataDir).release();
});

test("a node that is killed leaves its data directory to the next one", async (t) => {
  const dataDir = join(makeFolder(t), "data");
  const script = `
    import { claimDataDir } from ${JSON.stringify(import.meta.resolve("./data-dir.ts"))};
    claimDataDir(${JSON.stringify(dataDir)});
    process.stdout.write("claimed");
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(() => child.kill("SIGKILL"));
  await once(child.stdout, "data");
  assert.equal(isClaimed(dataDir), true);
  assert.throws(() => claimDataDir(dataDir), new RegExp(`pid ${child.pid}`));
  child.kill("SIGKILL");
  await once(child, "exit");
  assert.equal(isClaimed(dataDir), false);
  claimDataDir(dataDir).release();
});

test("a directory with other files that others can read is refused, an empty one is closed", (t) => {
  const folder = makeFolder(t);
  const [empty, used] = [join(folder, "empty"), join(folder, "used")];
  for (const each of [empty, used]) {
    mkdirSync(each);
    chmodSync(each, 0o755);
  }
  writeFileSync(join(used, "somebody's"), "");
  claimDataDir(empty).release();
  assert.equal(statSync(empty).mode & 0o777, 0o700);
  assert.throws(() => claimDataDir(used), /others can look into the data directory/);
  assert.equal(statSync(used).mode & 0o777, 0o755);
});

test("a path that does not fit a UNIX socket is refused with the limit", () => {
  checkSocketPath(`/${"x".repeat(95)}`);
  assert.throws(() => checkSocketPath(`/${"x".repeat(96)}`), /is 109 bytes long.*may have 108/);
});
