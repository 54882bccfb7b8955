import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { type Bundle, readBundle } from "./bundle-copy.ts";
import { createInstalledVersions } from "./installed-versions.ts";
import { removeServiceFiles, writeServiceFiles } from "./service-files.ts";

function createLab(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), "cordon-versions-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return {
    folder,
    prefix: join(folder, "lib"),
    /** A bundle as the build script writes one, as far as the copy looks at it. */
    bundle(version: string, program = `program of ${version}`): Bundle {
      const name = `bundle-${version}-${createHash("sha256").update(program).digest("hex").slice(0, 8)}`;
      const files: Record<string, string> = {
        VERSION: `${version}\n`,
        "cordon-agent": program,
        "systemd/cordon-agent.service": `ExecStart=/usr/lib/cordon-agent/current/cordon-agent start # ${version}\n`,
        "node_modules/koffi/index.js": "koffi",
      };
      const lines = Object.entries(files).map(([path, text]) => {
        const file = join(folder, name, path);
        mkdirSync(dirname(file), { recursive: true });
        writeFileSync(file, text);
        return `${createHash("sha256").update(text).digest("hex")}  ${path}\n`;
      });
      chmodSync(join(folder, name, "cordon-agent"), 0o777);
      writeFileSync(join(folder, name, "SHA256SUMS"), lines.join(""));
      const read = readBundle(join(folder, name));
      assert.ok(read !== null);
      return read;
    },
  };
}

test("a version is copied whole, with rights that only root can change it by, and used from its link", (t) => {
  const lab = createLab(t);
  const versions = createInstalledVersions(lab.prefix);
  assert.deepEqual([versions.current(), versions.previous()], [null, null]);
  const first = versions.add(lab.bundle("1.0.0"));
  versions.use(first);
  assert.equal(readFileSync(join(lab.prefix, "current", "cordon-agent"), "utf8"), "program of 1.0.0");
  assert.equal(statSync(join(lab.prefix, "current", "cordon-agent")).mode & 0o777, 0o755);
  assert.equal(statSync(join(lab.prefix, "current", "VERSION")).mode & 0o777, 0o644);
  assert.deepEqual([versions.current()?.version, versions.previous()], ["1.0.0", null]);
});

test("the version before is kept, older ones go, and a way back leads to it and forth again", (t) => {
  const lab = createLab(t);
  const versions = createInstalledVersions(lab.prefix);
  for (const version of ["1.0.0", "1.1.0", "1.2.0"]) {
    versions.use(versions.add(lab.bundle(version)));
    versions.prune();
  }
  assert.deepEqual([versions.current()?.version, versions.previous()?.version], ["1.2.0", "1.1.0"]);
  for (const expected of ["1.1.0", "1.2.0"]) {
    const back = versions.previous();
    assert.ok(back !== null);
    versions.use(back);
    assert.equal(versions.current()?.version, expected);
  }
});

test("two builds of one version are two versions, and the same build is copied once", (t) => {
  const lab = createLab(t);
  const versions = createInstalledVersions(lab.prefix);
  const [one, other] = [lab.bundle("1.0.0"), lab.bundle("1.0.0", "another build")].map(versions.add);
  assert.notEqual(one?.folder, other?.folder);
  const { ino } = statSync(join(one?.folder ?? "", "VERSION"));
  assert.equal(versions.add(lab.bundle("1.0.0")).folder, one?.folder);
  assert.equal(statSync(join(one?.folder ?? "", "VERSION")).ino, ino);
});

test("a bundle that is not as it was built is refused and leaves nothing behind that is used", (t) => {
  const lab = createLab(t);
  const versions = createInstalledVersions(lab.prefix);
  const bundle = lab.bundle("1.0.0");
  writeFileSync(join(bundle.folder, "cordon-agent"), "changed on the way");
  assert.throws(() => versions.add(bundle), /cordon-agent is not what the bundle was built with/);
  assert.equal(versions.current(), null);
  assert.equal(existsSync(join(lab.prefix, "versions", `1.0.0-${bundle.id}`)), false);
});

test("an installed version that was damaged is made whole again from another copy", (t) => {
  const lab = createLab(t);
  const versions = createInstalledVersions(lab.prefix);
  const installed = versions.add(lab.bundle("1.0.0"));
  versions.use(installed);
  rmSync(join(installed.folder, "node_modules/koffi/index.js"));
  assert.throws(() => versions.add(versions.current() as Bundle), /damaged/);
  versions.add(lab.bundle("1.0.0"));
  assert.equal(readFileSync(join(lab.prefix, "current/node_modules/koffi/index.js"), "utf8"), "koffi");
});

test("a list of digests that names a file outside of the bundle is refused", (t) => {
  const lab = createLab(t);
  const { folder } = lab.bundle("1.0.0");
  writeFileSync(join(folder, "SHA256SUMS"), `${"0".repeat(64)}  ../../etc/passwd\n`);
  assert.throws(() => readBundle(folder), /has a line that is none/);
  assert.equal(readBundle(lab.folder), null);
});

test("units name the folder that was chosen, change only when they differ, and a command of others is left alone", (t) => {
  const lab = createLab(t);
  const places = {
    prefix: lab.prefix,
    unitDirectory: join(lab.folder, "units"),
    command: join(lab.folder, "sbin", "agent"),
  };
  const bundle = lab.bundle("1.0.0");
  const unit = "cordon-agent.service";
  assert.deepEqual(writeServiceFiles(bundle.folder, places), { units: [unit], changed: true });
  assert.match(readFileSync(join(places.unitDirectory, unit), "utf8"), new RegExp(`ExecStart=${lab.prefix}/current/`));
  assert.equal(writeServiceFiles(bundle.folder, places).changed, false);
  assert.equal(readlinkSync(places.command), join(lab.prefix, "current", "cordon-agent"));

  removeServiceFiles([unit], places);
  assert.deepEqual([existsSync(join(places.unitDirectory, unit)), existsSync(places.command)], [false, false]);
  writeFileSync(places.command, "of another package");
  assert.throws(() => writeServiceFiles(bundle.folder, places), /none of ours/);
  removeServiceFiles([unit], places);
  assert.equal(readFileSync(places.command, "utf8"), "of another package");
});
