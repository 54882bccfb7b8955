import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { createLab, needsGuardedHost } from "./prevention-lab.ts";

const [good, bad] = ["good", "bad!"].map((word) => `#!/bin/sh\n# ${"x".repeat(5000)}\necho ${word}\n`) as [
  string,
  string,
];
const count = 60;

/**
 * Each file runs twice, so that its digest is known; then a mapping turns its content into the banned one, which on some
 * filesystems leaves no trace, and it is run at once. Prints what each of them said at the end.
 */
const race = `
import mmap, os, subprocess, sys, time
folder, good, bad = sys.argv[1], sys.argv[2].encode(), sys.argv[3].encode()
def run(path):
    try:
        return subprocess.run([path], capture_output=True, text=True).stdout.strip()
    except PermissionError:
        return "denied"
paths = [f"{folder}/race{i}" for i in range(${count})]
for path in paths:
    with open(path, "wb") as file: file.write(good)
    os.chmod(path, 0o755)
# Younger ones are hashed each time, and there would be no race.
while time.time() < max(os.stat(path).st_ctime for path in paths) + 2.1: time.sleep(0.05)
for path in paths:
    assert [run(path), run(path)] == ["good", "good"], path
    file = open(path, "r+b")
    mapping = mmap.mmap(file.fileno(), 0)
    file.close()
    mapping[:] = bad
    mapping.close()
    print(run(path))
`;

for (const kind of ["tmpfs", "ext4"] as const) {
  test(`a file of ${kind} that turns bad under a mapping is not taken for what it was`, needsGuardedHost, async (t) => {
    const lab = await createLab(t, { kind });
    const hash = createHash("sha256").update(bad).digest("hex");
    assert.equal((await lab.ban(hash)).state, "in-effect");
    const { stdout, stderr } = await lab.host.ask("run", {
      words: ["python3", "-c", race, lab.guarded, good, bad],
    });
    assert.equal(stderr, "");
    assert.deepEqual(
      stdout.trimEnd().split("\n"),
      Array.from({ length: count }, () => "denied"),
    );
  });
}
