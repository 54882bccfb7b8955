import assert from "node:assert/strict";
import { test } from "node:test";
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
