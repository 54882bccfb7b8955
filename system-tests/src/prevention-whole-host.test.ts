/** A host on which everything is guarded, also what the guard and the agent themselves run on. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "./namespaces.ts";
import { createLab, needsGuardedHost } from "./prevention-lab.ts";

for (const scripts of [false, true]) {
  const mode = scripts ? "in scripts mode" : "by default";
  test(`guarding everything ${mode}, guards come and go without holding up themselves`, needsGuardedHost, async (t) => {
    const lab = await createLab(t, { whole: true });
    const [bad, good] = [await lab.place("/bad", "bad"), await lab.place("/good", "good")];
    const files = [{ algorithm: "sha256" as const, hash: bad.hash, name: null }];
    const ban = () => lab.ask("enforce", { wish: { files, scripts } });
    const both = async () => [await lab.attempt(bad.path), await lab.attempt(good.path)];
    const effect = await ban();
    assert.match(effect.state === "in-effect" ? effect.detail : JSON.stringify(effect), /\(tmpfs \/, tmpfs \/mnt/);
    assert.deepEqual(await both(), ["EPERM", "ran"]);
    assert.deepEqual(await lab.ask("ability", null), { able: true });

    for (const signal of ["SIGKILL", "SIGSTOP"] as const) {
      const guard = await until("there is a guard", lab.guardPid, 30_000);
      await lab.host.ask("signal", { pid: guard, signal });
      assert.deepEqual(await both(), ["EPERM", "ran"], signal);
      await until("another guard", async () => ((await lab.guardPid()) ?? guard) !== guard, 30_000);
      assert.deepEqual(await both(), ["EPERM", "ran"]);
    }

    await lab.host.ask("killAgent", null);
    assert.deepEqual(await both(), ["EPERM", "ran"]);
    await lab.restartAgent();
    assert.equal((await ban()).state, "in-effect");
    assert.deepEqual(await both(), ["EPERM", "ran"]);
    await until(
      "the scan is done",
      async () => (await lab.ask("seen", null)).scans.some(({ state }) => state === "done"),
      60_000,
    );
    assert.match(await lab.attempt("sh", bad.path), /Operation not permitted|cannot open/i);
    await lab.lift();
    assert.deepEqual(await both(), ["ran", "ran"]);
  });
}
