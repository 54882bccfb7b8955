import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "./namespaces.ts";
import { createLab, type Lab, needsGuardedHost } from "./prevention-lab.ts";

/** Runs both files over and over for a while. `waits`: milliseconds that each round took, the longest first. */
async function runInLoop({ shell }: Lab, { bad, good, forMs }: { bad: string; good: string; forMs: number }) {
  const script = `
    end=$(( \${EPOCHREALTIME/./} + ${forMs * 1000} ))
    while [ \${EPOCHREALTIME/./} -lt $end ]; do
      since=\${EPOCHREALTIME/./}
      ${bad} 2>/dev/null
      between=\${EPOCHREALTIME/./}
      answer=$(${good} 2>/dev/null)
      echo "$(( between - since )) $(( \${EPOCHREALTIME/./} - between )) $answer"
    done`;
  const lines = (await shell(`exec bash -c '${script}'`)).trimEnd().split("\n");
  const rounds = lines.filter((line) => line !== "ran").map((line) => line.split(" "));
  return {
    badRuns: lines.filter((line) => line === "ran").length,
    goodRuns: rounds.filter(([, , answer]) => answer === "ran").length,
    rounds: rounds.length,
    waits: rounds.flatMap(([first, second]) => [Number(first) / 1000, Number(second) / 1000]).sort((a, b) => b - a),
  };
}

async function createBannedAndGood(lab: Lab) {
  const [bad, good] = [await lab.place("bad", "bad"), await lab.place("good", "good")];
  assert.equal((await lab.ban(bad.hash)).state, "in-effect");
  return { bad: bad.path, good: good.path, hash: bad.hash };
}

async function signalGuard(lab: Lab, signal: NodeJS.Signals): Promise<number> {
  const pid = await until("there is a guard", lab.guardPid, 30_000);
  await lab.host.ask("signal", { pid, signal });
  return pid;
}

const codes = async (lab: Lab) => (await lab.ask("seen", null)).alarms.map(({ code }) => code);

test("a guard that is killed over and over lets nothing through and holds nothing up", needsGuardedHost, async (t) => {
  const lab = await createLab(t);
  const files = await createBannedAndGood(lab);
  const loop = runInLoop(lab, { ...files, forMs: 6000 });
  for (let kills = 0; kills < 4; kills += 1) await signalGuard(lab, "SIGKILL");
  const { badRuns, goodRuns, rounds, waits } = await loop;
  assert.equal(badRuns, 0);
  assert.ok((waits[0] ?? 0) < 1000, `the longest waits were ${waits.slice(0, 5).join(", ")} ms`);
  // What a killed guard had read is denied: at most one for each.
  assert.ok(goodRuns >= rounds - 4, `${goodRuns} of ${rounds} ran`);
  assert.ok((await codes(lab)).includes("GUARD_RESTARTED"));
  t.diagnostic(
    `longest waits ${waits.slice(0, 4).join(", ")} ms in ${rounds} rounds, ${rounds - goodRuns} innocent denied`,
  );
});

test("a guard that is stopped is replaced, and whoever waits is answered", needsGuardedHost, async (t) => {
  const lab = await createLab(t);
  const files = await createBannedAndGood(lab);
  const loop = runInLoop(lab, { ...files, forMs: 5000 });
  const stopped = await signalGuard(lab, "SIGSTOP");
  const { badRuns, goodRuns, rounds, waits } = await loop;
  assert.equal(badRuns, 0);
  assert.ok((waits[0] ?? 0) < 3000, `the longest waits were ${waits.slice(0, 5).join(", ")} ms`);
  assert.ok(goodRuns >= rounds - 1, `${goodRuns} of ${rounds} ran`);
  const next = await until("another guard", lab.guardPid, 30_000);
  assert.notEqual(next, stopped);
  t.diagnostic(
    `longest waits ${waits.slice(0, 4).join(", ")} ms in ${rounds} rounds, ${rounds - goodRuns} innocent denied`,
  );
});

test(
  "an agent that is killed leaves its guard, and the next one takes over without a gap",
  needsGuardedHost,
  async (t) => {
    const lab = await createLab(t);
    const { bad, good, hash } = await createBannedAndGood(lab);
    const first = await until("there is a guard", lab.guardPid);
    await lab.host.ask("killAgent", null);
    assert.deepEqual([await lab.attempt(bad), await lab.attempt(good)], ["EPERM", "ran"]);

    const loop = runInLoop(lab, { bad, good, forMs: 3000 });
    await lab.restartAgent();
    assert.equal((await lab.ban(hash)).state, "in-effect");
    const second = await until("there is a guard", lab.guardPid);
    assert.notEqual(second, first);
    await assert.rejects(lab.shell(`kill -0 ${first} && ! grep -q '^State:.Z' /proc/${first}/status`));
    const { badRuns, goodRuns, rounds } = await loop;
    assert.deepEqual([badRuns, goodRuns], [0, rounds]);

    const { blocks, alarms } = await lab.ask("seen", null);
    assert.ok(
      blocks.some(({ path }) => path === bad),
      "what was denied without an agent is told by the next",
    );
    assert.deepEqual(alarms, []);
  },
);

test(
  "with agent and guard killed programs go on at once, and the next agent tells of the gap",
  needsGuardedHost,
  async (t) => {
    const lab = await createLab(t);
    const { bad, good, hash } = await createBannedAndGood(lab);
    const guard = await until("there is a guard", lab.guardPid);
    await lab.host.ask("killAgent", null);
    await lab.host.ask("signal", { pid: guard, signal: "SIGSTOP" });
    await lab.host.ask("signal", { pid: guard, signal: "SIGKILL" });
    assert.deepEqual([await lab.attempt(good), await lab.attempt(bad)], ["ran", "ran"]);

    await lab.restartAgent();
    assert.equal((await lab.ban(hash)).state, "in-effect");
    assert.equal(await lab.attempt(bad), "EPERM");
    assert.deepEqual(await codes(lab), ["GUARD_GAP"]);
  },
);

test(
  "a guard that hangs with nobody to look after it does not hold up the host for long",
  needsGuardedHost,
  async (t) => {
    const lab = await createLab(t);
    const { good } = await createBannedAndGood(lab);
    const guard = await until("there is a guard", lab.guardPid);
    await lab.host.ask("killAgent", null);
    await lab.host.ask("signal", { pid: guard, signal: "SIGSTOP" });
    // The kernel's timer ends it after five seconds.
    const { stdout, tookMs } = await lab.host.ask("run", { words: [good] });
    assert.equal(stdout, "ran\n");
    assert.ok(tookMs < 10_000, `it took ${tookMs} ms`);
  },
);

test("an agent that ends while a guard is only starting leaves one behind", needsGuardedHost, async (t) => {
  const lab = await createLab(t);
  const { bad, good } = await createBannedAndGood(lab);
  await signalGuard(lab, "SIGKILL");
  await until("the agent stands in", async () => (await codes(lab)).includes("GUARD_RESTARTED"));
  await lab.ask("close", null);
  await lab.host.ask("killAgent", null);
  assert.deepEqual([await lab.attempt(bad), await lab.attempt(good)], ["EPERM", "ran"]);
});
