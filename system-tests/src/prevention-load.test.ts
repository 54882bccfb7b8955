import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { until } from "./namespaces.ts";
import { createLab, type Lab, needsGuardedHost } from "./prevention-lab.ts";

const many = 100_000;

/** Resident memory in MiB, of the agent's process and the guard's. */
async function readMemory(lab: Lab) {
  const guard = await until("there is a guard", lab.guardPid);
  const agent = await lab.ask("pid", null);
  const resident = async (pid: number) => {
    const status = await lab.shell(`cat /proc/${pid}/status`);
    return Math.round(Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) / 1024);
  };
  return { agent: await resident(agent), guard: await resident(guard) };
}

test(
  "100,000 digests are applied in seconds, in little memory, and one more changes nothing for others",
  needsGuardedHost,
  async (t) => {
    const lab = await createLab(t);
    const [bad, late, good] = [
      await lab.place("bad", "bad"),
      await lab.place("late", "late"),
      await lab.place("good", "good"),
    ];
    await lab.ban(bad.hash);
    const before = await readMemory(lab);

    const digests = Array.from({ length: many - 2 }, () => randomBytes(32).toString("hex"));
    const since = performance.now();
    const effect = await lab.ban(bad.hash, ...digests);
    const tookMs = performance.now() - since;
    assert.match(effect.state === "in-effect" ? effect.detail : "", /^99,999 files banned/);
    assert.ok(tookMs < 5000, `it took ${tookMs} ms`);
    assert.deepEqual([await lab.attempt(bad.path), await lab.attempt(good.path)], ["EPERM", "ran"]);

    const sinceOne = performance.now();
    await lab.ban(late.hash, bad.hash, ...digests);
    const oneTookMs = performance.now() - sinceOne;
    assert.equal(await lab.attempt(late.path), "EPERM");
    assert.equal(await lab.attempt(good.path), "ran");

    await lab.ask("collect", null);
    const more = await until("memory is given back", async () => {
      const now = await readMemory(lab);
      const grown = now.agent + now.guard - before.agent - before.guard;
      return grown <= 60 ? { ...now, grown } : null;
    });
    assert.ok(more.guard <= 60 + 60, `the guard holds ${more.guard} MiB`);
    t.diagnostic(
      `${many} digests in ${Math.round(tookMs)} ms, one more in ${Math.round(oneTookMs)} ms; guard ${before.guard} → ${more.guard} MiB, agent ${before.agent} → ${more.agent} MiB`,
    );
  },
);
